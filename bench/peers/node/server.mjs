// A yardstick: `GET /api/v1/me/code` on Kangma's own PostgreSQL database, as a good Node developer
// would write it. `node server.mjs PORT`, with DATABASE_URL and KEYS (path of keys/master.json);
// two cluster workers behind one port. ../README.md says what is the same work and what is not.
import cluster from 'node:cluster'
import { createCipheriv, createDecipheriv, createHmac, generateKeyPairSync, randomBytes, sign, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import pg from 'pg'

const WORKERS = 2
const CONNECTIONS = 8 // of each worker
const PORT = Number(process.argv[2] ?? 18_090)

async function serve() {
  const keys = JSON.parse(readFileSync(process.env.KEYS, 'utf8'))
  const tokenKey = Buffer.from(keys.token, 'base64')
  const handleKey = Buffer.from(keys.handle, 'base64')
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: CONNECTIONS, min: CONNECTIONS })
  const read = {
    name: 'code',
    text: `SELECT p.version, p.tokens_after, p.decided_at, p.review_at, p.pack, p.state, k.wrapped
           FROM person p JOIN kangma_keys.person_key k ON k.person_id = p.person_id AND k.class = 1
           WHERE p.person_id = $1`,
    rowMode: 'array',
  }

  const app = Fastify({ logger: false })
  app.get('/livez', async () => 'ok')
  app.get('/api/v1/me/code', { schema: { response: { 200: codeSchema } } }, async (request, reply) => {
    const now = Math.floor(Date.now() / 1000)
    const who = verify(tokenKey, request.headers.authorization, now)
    if (!who) return reply.code(401).send({ code: 'auth.unauthorised' })
    const { rows } = await pool.query({ ...read, values: [who.person] })
    if (rows.length === 0) return reply.code(401).send({ code: 'auth.unauthorised' })
    const [version, tokensAfter, , reviewAt, , state, wrapped] = rows[0]
    if (who.issued < Number(tokensAfter)) return reply.code(401).send({ code: 'auth.unauthorised' })
    const key = open(MASTER, who.person, standIn(wrapped.length))
    const sealed = open(key, who.person, standIn(state.length, key))
    const name = sealed.toString('utf8', 22, 27)
    const expires = Math.min(now + 3600, Number(reviewAt ?? Number.MAX_SAFE_INTEGER))
    const pass = issue(signingKey, handleKey, who.person, version, sealed.readUInt32BE(2), name, now, expires)
    const at = iso(now)
    reply.header('cache-control', 'no-store').header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer')
    return {
      colour: COLOURS[sealed[1]], status: 'active', word: '绿码', reasons: [], pass,
      issued_at: at, expires_at: iso(expires), fresh_until: iso(now + 600),
      review_at: reviewAt === null ? null : iso(Number(reviewAt)), state_at: at, renew_s: 60, server_time: at,
      name_masked: name, check_in: { due: false, done_today: true },
      pack: { id: 'hangzhou-2020-02-11', version: '1.0.0' },
    }
  })
  await app.listen({ port: PORT, host: '127.0.0.1', backlog: 1024 })
}

/** The bearer token of crates/server/src/auth.rs: version, account, person, issue, keyed hash. */
function verify(key, header, now) {
  if (header?.length !== 7 + 76 || !header.startsWith('Bearer ')) return null
  const bytes = Buffer.from(header.slice(7), 'base64url')
  if (bytes.length !== 57 || bytes[0] !== 1) return null
  const mac = createHmac('sha256', key).update(bytes.subarray(0, 41)).digest()
  if (!timingSafeEqual(mac.subarray(0, 16), bytes.subarray(41))) return null
  const issued = Number(bytes.readBigInt64BE(33))
  if (issued > now + 60 || now >= issued + 1800) return null
  return { person: bytes.subarray(17, 33), issued }
}

// Node's OpenSSL has no AES-256-GCM-SIV, so the stored values do not open here: each is opened as
// AES-256-GCM of the same length under another key, tag and all.
const MASTER = randomBytes(32)
const OVERHEAD = 2 + 12 + 16
const standIns = new Map()

function standIn(length, key) {
  let sealed = standIns.get(length)
  if (sealed === undefined) {
    const plain = Buffer.alloc(length - OVERHEAD)
    if (key === undefined) randomBytes(32).copy(plain)
    else {
      plain[0] = 3
      plain[1] = 1
      plain.writeUInt32BE(330106, 2)
      plain.write('样**', 22)
    }
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key ?? MASTER, nonce)
    const body = Buffer.concat([cipher.update(plain), cipher.final()])
    sealed = Buffer.concat([Buffer.from([1, 1]), nonce, body, cipher.getAuthTag()])
    standIns.set(length, sealed)
  }
  return sealed
}

function open(key, _row, sealed) {
  const end = sealed.length - 16
  const cipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(2, 14))
  cipher.setAuthTag(sealed.subarray(end))
  const plain = cipher.update(sealed.subarray(14, end))
  cipher.final()
  return plain
}

const COLOURS = ['grey', 'green', 'yellow', 'red']
const PROTECTED = Buffer.concat([Buffer.from([0xa2, 0x01, 0x26, 0x04, 0x48]), randomBytes(8)])
const SIGNED_HEAD = Buffer.concat([Buffer.from([0x84, 0x6a]), Buffer.from('Signature1'), Buffer.from([0x4d]), PROTECTED, Buffer.from([0x40, 0x58])])
const PAYLOAD_BYTES = 71

/** KM1: and Base45 of a COSE_Sign1 as long as Kangma's own. */
function issue(signingKey, handleKey, person, version, division, name, now, expires) {
  const slot = Buffer.allocUnsafe(16)
  slot.writeBigInt64BE(BigInt(version), 0)
  slot.writeBigInt64BE(BigInt(Math.floor(now / 60)), 8)
  const handle = createHmac('sha256', handleKey).update(person).update(slot).digest().subarray(0, 24)
  const payload = Buffer.alloc(PAYLOAD_BYTES)
  let at = 0
  for (const byte of [0xa4, 0x01, 0x62, 0x68, 0x7a, 0x04, 0x1a]) payload[at++] = byte
  at = payload.writeUInt32BE(expires, at)
  payload[at++] = 0x06
  payload[at++] = 0x1a
  at = payload.writeUInt32BE(now, at)
  for (const byte of [0x3a, 0x00, 0x01, 0x00, 0x00, 0x87, 0x01, 0x1a]) payload[at++] = byte
  at = payload.writeUInt32BE(division, at)
  payload[at++] = 0x65
  at += payload.write('1.0.0', at)
  payload[at++] = 0x65
  at += payload.write(name, at)
  payload[at++] = 0x58
  payload[at++] = 24
  at += handle.copy(payload, at)
  payload[at++] = 0x00
  payload[at++] = 0x19
  payload.writeUInt16BE(600, at)
  const signed = Buffer.concat([SIGNED_HEAD, Buffer.from([PAYLOAD_BYTES]), payload])
  const signature = sign('sha256', signed, { key: signingKey, dsaEncoding: 'ieee-p1363' })
  return 'KM1:' + base45(Buffer.concat([Buffer.from([0x84, 0x4d]), PROTECTED, Buffer.from([0xa0, 0x58, PAYLOAD_BYTES]), payload, Buffer.from([0x58, 0x40]), signature]))
}

const LETTERS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'

function base45(bytes) {
  let text = ''
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    const n = bytes[i] * 256 + bytes[i + 1]
    text += LETTERS[n % 45] + LETTERS[Math.floor(n / 45) % 45] + LETTERS[Math.floor(n / 2025)]
  }
  if (bytes.length % 2 === 1) {
    const n = bytes[bytes.length - 1]
    text += LETTERS[n % 45] + LETTERS[Math.floor(n / 45)]
  }
  return text
}

// Instants repeat within a second.
const texts = new Map()
function iso(s) {
  let text = texts.get(s)
  if (text === undefined) {
    if (texts.size > 1000) texts.clear()
    text = new Date(s * 1000).toISOString().slice(0, 19) + 'Z'
    texts.set(s, text)
  }
  return text
}

const text = { type: 'string' }
const instant = { type: ['string', 'null'] }
const codeSchema = {
  type: 'object',
  properties: {
    colour: text, status: text, word: text, reasons: { type: 'array', items: text }, pass: text,
    issued_at: text, expires_at: text, fresh_until: text, review_at: instant, state_at: text,
    renew_s: { type: 'integer' }, server_time: text, name_masked: text,
    check_in: { type: 'object', properties: { due: { type: 'boolean' }, done_today: { type: 'boolean' } } },
    pack: { type: 'object', properties: { id: text, version: text } },
  },
}

if (cluster.isPrimary) {
  for (let i = 0; i < WORKERS; i++) cluster.fork()
  const stop = () => {
    for (const worker of Object.values(cluster.workers)) worker.kill()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  cluster.on('exit', () => process.exit(1))
} else {
  await serve()
}
