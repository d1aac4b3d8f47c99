// A real server that dies at any instant and comes back on the same data, and
// the network before it, cut wherever a network breaks.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const binary = join(root, process.env.KANGMA_BINARY ?? 'target/debug/kangma')

/** A server that takes longer hangs, and the run says so. */
const startMaxMs = 30_000
const answerMaxMs = 30_000

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms))

/** `kangma serve` on a folder that outlives it. */
export class Service {
  private readonly dir = mkdtempSync(join(tmpdir(), 'kangma-kills-'))
  private child: ChildProcess | null = null
  private starting: Promise<void> | null = null
  /** Where it listens; it takes another one after each start. */
  port = 0

  /** Starts it, or waits until it has started. */
  up(): Promise<void> {
    return (this.starting ??= this.start())
  }

  private async start(): Promise<void> {
    if (!existsSync(binary)) throw new Error(`There is no server to kill. Build it:  cargo build --locked -p kangma  (${binary})`)
    const env = { ...process.env, DATA_DIR: join(this.dir, 'data'), PORT: '0', KANGMA_DEMO_PEOPLE: '0', KANGMA_CODES_PER_ADDRESS: '100000', KANGMA_LOG: 'error' }
    const child = spawn(binary, ['serve', '--demo'], { env, cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
    this.child = child
    this.port = await new Promise<number>((found, failed) => {
      let text = ''
      setTimeout(() => failed(new Error(`the server did not listen within ${startMaxMs} ms`)), startMaxMs).unref()
      child.once('error', failed)
      child.once('exit', (code) => failed(new Error(`the server ended with ${code}`)))
      child.stdout.on('data', (chunk) => {
        text += chunk
        const match = text.match(/http:\/\/localhost:(\d+)/)
        if (match) found(Number(match[1]))
      })
    })
  }

  /** As a power cut does. Asked of one that is dead already, nothing. */
  async kill(): Promise<void> {
    const child = this.child
    if (!child) return
    this.child = null
    this.starting = null
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server ended by itself with ${child.exitCode}`)
    const ended = new Promise((done) => child.once('exit', done))
    child.kill('SIGKILL')
    await ended
  }

  /** Asks it beside the network. */
  async ask<T>(path: string, body?: unknown, token?: string): Promise<T> {
    const answer = await this.answer(path, body, token ? { authorization: `Bearer ${token}` } : {})
    return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T)
  }

  async answer(path: string, body: unknown, headers: Record<string, string>): Promise<Response> {
    await this.up()
    const how = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const all = { accept: 'application/json', 'content-type': 'application/json', 'x-kangma': '1', ...headers }
    const answer = await real(`http://127.0.0.1:${this.port}${path}`, { ...how, headers: all, signal: AbortSignal.timeout(answerMaxMs) })
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    return answer
  }

  async end(): Promise<void> {
    await this.kill()
    rmSync(this.dir, { recursive: true, force: true })
  }
}

/** The fetch that knows no pages. */
export const real = globalThis.fetch

/**
 * Where a network breaks: before the request; within its body; once the server
 * has answered; within the answer; without a word, so that the page waits; or by
 * somebody in between who wants to be paid first.
 */
export const cuts = ['before', 'body', 'answered', 'half', 'silence', 'portal'] as const
export type Cut = (typeof cuts)[number]

const page = '<html>pay for the network first</html>'
const portal = `HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: ${page.length}\r\nconnection: close\r\n\r\n${page}`

/** The network of one device. */
export class Wire {
  private readonly server: Server
  private readonly open = new Set<Socket>()
  private cut: Cut | null = null
  private share = 0
  private met: (bit: boolean) => void = () => {}
  /** Nothing goes through. */
  private dead = false
  /** Called when a request goes through. */
  passes: () => void = () => {}

  constructor(private readonly to: Service) {
    this.server = createServer({ allowHalfOpen: false }, (client) => this.carry(client))
  }

  async listen(): Promise<void> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done))
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  /** Breaks with the next request, the share from 0 to 1 of it or of its answer let through; tells whether one came before it was mended. */
  break(cut: Cut, share: number): Promise<boolean> {
    Object.assign(this, { cut, share })
    return new Promise((done) => (this.met = done))
  }

  mend(): void {
    this.cut = null
    this.dead = false
    this.met(false)
    // What hung is gone; a new connection goes through.
    for (const socket of this.open) socket.destroy()
  }

  close(): void {
    this.mend()
    this.server.close()
  }

  private carry(client: Socket): void {
    if (this.dead) return void client.resetAndDestroy()
    const server = connect(this.to.port, '127.0.0.1')
    for (const socket of [client, server]) {
      this.open.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.open.delete(socket)
        client.destroy()
        server.destroy()
      })
    }
    let asked = Buffer.alloc(0)
    client.on('data', (chunk: Buffer) => {
      asked = Buffer.concat([asked, chunk])
      const head = asked.indexOf('\r\n\r\n') + 4
      const whole = head + Number(/content-length: (\d+)/i.exec(asked.subarray(0, head).toString('latin1'))?.[1] ?? 0)
      if (head < 4 || asked.length < whole) return
      const request = asked
      asked = Buffer.alloc(0)
      this.passes()
      switch (this.cut) {
        case 'before':
          this.meet()
          client.resetAndDestroy()
          return
        case 'silence':
          this.meet()
          return
        case 'portal':
          this.meet()
          client.end(portal)
          return
        case 'body':
          this.meet()
          // Some of the body, never all of it.
          server.write(request.subarray(0, head + Math.floor(this.share * (whole - head))), () => server.destroy())
          return
        default:
          if (!this.dead) server.write(request)
      }
    })
    server.on('data', (chunk: Buffer) => {
      if (this.cut === 'answered') {
        this.meet()
        client.resetAndDestroy()
      } else if (this.cut === 'half') {
        this.meet()
        client.write(chunk.subarray(0, Math.floor(this.share * chunk.length)), () => client.destroy())
      } else if (!this.dead) client.write(chunk)
    })
  }

  private meet(): void {
    this.cut = null
    this.dead = true
    this.met(true)
  }
}
