// A stand-in for the server while drawing pages: made-up answers in memory, no
// rules, no keys, no proof of anything. It is no part of a build.
//
//   npm run dev:mock           pages from dist/ on http://localhost:8787
//   KANGMA_API=http://localhost:8787 npm run dev      pages as they are edited
//
// Log in with any phone number and the code 000000; the last digit picks the
// state: 1 green, 2 yellow, 3 red, 4 pending, 5 returned, 7 proof needed, 8 in
// review, 9 refused; any other is new. ?slow, ?off are switched by
// POST /mock {delay_ms, off, life_s, state}.
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'

const dist = fileURLToPath(new URL('../dist/', import.meta.url))
const port = Number(process.env.PORT ?? 8787)
const start = Date.parse('2020-02-11T02:00:00Z')
const born = Date.now()
let ahead = 0
const now = () => start + (Date.now() - born) + ahead
const iso = (at) => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z')
const zoneDay = (at) => new Date(at + 8 * 3600e3).toISOString().slice(0, 10)

const mock = { delay_ms: 0, off: false, life_s: 60, state: null }
const people = new Map()
let phone = null
const person = () => people.get(phone)

const csp =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; media-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.png': 'image/png', '.webmanifest': 'application/manifest+json', '.wasm': 'application/wasm', '.json': 'application/json' }

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:'
const pass = () => 'KM1:' + Array.from({ length: 272 }, () => alphabet[Math.floor(Math.random() * 45)]).join('')

const both = (lang, zh, en) => (lang === 'en' ? en : zh)

const states = ['new', 'green', 'yellow', 'red', 'pending', 'returned', 'new', 'needs_proof', 'in_review', 'refused']

function enter(number) {
  phone = number
  if (!people.has(number)) {
    const state = states[Number(number.at(-1))] ?? 'new'
    const normal = (ago) => ({ at: iso(now() - ago * 86400e3), day: zoneDay(now() - ago * 86400e3), temperature_c: 36.5, symptoms: [], normal: true })
    const days = state === 'yellow' ? 3 : state === 'red' ? 5 : 0
    people.set(number, { state, checkIns: Array.from({ length: days }, (_, i) => normal(i + 1)), today: false })
  }
}

function me() {
  const { state } = person()
  const phone_masked = `${phone.slice(0, 3)}****${phone.slice(-4)}`
  if (state === 'new') return { phone_masked, state: 'new' }
  if (['needs_proof', 'in_review', 'refused'].includes(state)) return { state: 'claim', phone_masked, name_masked: '张*', document_masked: '330***********0014' }
  return { phone_masked, state: 'holder', name_masked: '张*', document_masked: '330***********0014' }
}

const source = (lang) => ({ title: both(lang, '杭州市新型冠状病毒感染肺炎疫情防控指挥部通告（2020年2月11日）', 'Notice of the Hangzhou epidemic control command, 11 February 2020'), url: 'https://example.org/notice', grade: 'B' })

function reasons(state, lang) {
  const done = person().checkIns.length
  const since = iso(now() - done * 86400e3 - 3600e3)
  if (state === 'yellow')
    return [
      {
        rule: 'hangzhou.yellow.visited_key_area',
        colour: 'yellow',
        title: both(lang, '14 天内去过重点地区', 'You were in a key area in the last 14 days'),
        why: both(lang, '您在申报里填写 2 月 5 日到过浙江省温州市乐清市，该地当时是重点地区。', 'You declared that on 5 February you were in Yueqing, Wenzhou, Zhejiang, which was a key area then.'),
        source: source(lang),
        evidence: [{ kind: 'declaration', date: since }],
        since,
        stage: 1,
        stages: 1,
        progress: [{ what: 'check_ins', done, of: 7, text: both(lang, `连续健康打卡:第 ${done} 天,共 7 天`, `Normal check-ins in a row: day ${done} of 7`) }],
        broken: null,
        earliest_green: iso(now() + (7 - done) * 86400e3),
        what_to_do: both(lang, '请居家观察，每天打卡一次。连续 7 天正常后自动转为绿码。', 'Stay at home and check in once a day. After 7 normal days in a row the code turns green by itself.'),
      },
    ]
  if (state === 'red')
    return [
      {
        rule: 'hangzhou.red.contact_confirmed',
        colour: 'red',
        title: both(lang, '接触过确诊病人', 'You were in contact with a confirmed case'),
        why: both(lang, '您在申报里填写 2 月 3 日接触过确诊病人。', 'You declared contact with a confirmed case on 3 February.'),
        source: source(lang),
        evidence: [{ kind: 'declaration', date: since }, { kind: 'listed', date: zoneDay(now() - 86400e3) }],
        since,
        stage: 1,
        stages: 2,
        progress: [{ what: 'check_ins', done, of: 14, text: both(lang, `连续健康打卡:第 ${done} 天,共 14 天`, `Normal check-ins in a row: day ${done} of 14`) }],
        broken: { on: zoneDay(now() - 6 * 86400e3), why: 'missed', text: both(lang, '这一天没有打卡，天数从第二天重新算起。', 'There was no check-in on that day, so the count began anew the day after.') },
        earliest_green: iso(now() + (14 - done) * 86400e3),
        what_to_do: both(lang, '请集中或居家隔离，每天打卡一次。如有发热请联系社区，不要自行前往医院。', 'Isolate and check in once a day. If you have a fever call your community office and do not go to a hospital on your own.'),
      },
      ...reasons('yellow', lang),
    ]
  return []
}

function code(lang) {
  const state = mock.state ?? person().state
  const at = now()
  const colour = ['green', 'yellow', 'red'].includes(state) ? state : 'grey'
  const status = colour !== 'grey' ? 'active' : state === 'pending' ? 'pending' : state === 'returned' ? 'returned' : 'claim'
  const words = { green: ['绿码', 'Green'], yellow: ['黄码', 'Yellow'], red: ['红码', 'Red'], grey: ['灰码', 'Grey'] }
  const asked = colour === 'yellow' || colour === 'red'
  return {
    colour,
    status,
    word: both(lang, ...words[colour]),
    reasons: reasons(state, lang),
    returned: state === 'returned' ? { reason: both(lang, '您填写的到达日期早于离开日期，请核对行程。', 'Your day of arrival is before your day of departure. Please check your travel.') } : null,
    pass: colour === 'grey' ? null : pass(),
    issued_at: iso(at),
    expires_at: colour === 'grey' ? null : iso(at + mock.life_s * 1000),
    fresh_until: iso(at + mock.life_s * 1000),
    review_at: null,
    state_at: iso(at),
    renew_s: Math.min(30, mock.life_s / 2),
    server_time: iso(at),
    name_masked: '张*',
    check_in: { due: asked && !person().today },
    pack: { id: 'hangzhou', version: '2020.02.11' },
  }
}

const choice = (lang, list) => list.map(([value, zh, en]) => ({ value, label: both(lang, zh, en) }))

function form(lang) {
  return {
    pack: { id: 'hangzhou', version: '2020.02.11', name: both(lang, '杭州健康码 2020 年 2 月 11 日规则', 'Hangzhou health code, rules of 11 February 2020') },
    commitment: { version: '1', text: both(lang, '本人承诺以上内容真实、准确、完整。如有隐瞒或虚报，愿承担相应的法律责任；查实虚报的，健康码转为红码。', 'I declare that the above is true, accurate and complete. I accept the legal consequences of hiding or misstating anything; a false declaration turns the code red.') },
    document_types: choice(lang, [['resident_id', '居民身份证', 'Resident identity card'], ['residence_permit', '港澳台居民居住证', 'Residence permit (Hong Kong, Macao, Taiwan)'], ['hk_mo_permit', '港澳居民来往内地通行证', 'Hong Kong and Macao permit'], ['tw_permit', '台湾居民来往大陆通行证', 'Taiwan permit'], ['passport', '护照', 'Passport'], ['foreign_pr', '外国人永久居留身份证', 'Foreign permanent resident card']]),
    fields: [
      { field: 'subject', type: 'choice', label: both(lang, '您现在是', 'You are'), required: true, options: choice(lang, [['resident', '在杭州的居民', 'in Hangzhou'], ['intending', '准备来杭州的人', 'coming to Hangzhou']]) },
      { field: 'residence', type: 'division', label: both(lang, '现在住在哪里', 'Where you live now'), help: both(lang, '请选到社区或村。', 'Please choose down to the community or village.'), required: true },
      { field: 'address', type: 'text', label: both(lang, '门牌地址', 'Street and number'), required: false },
      { field: 'arrives_on', type: 'day', label: both(lang, '哪天到达', 'Day of arrival'), required: true, shown_when: { field: 'subject', one_of: ['intending'] } },
      { field: 'visited', type: 'divisions', label: both(lang, '14 天内去过哪些外地', 'Other places you were in during the last 14 days'), required: false, max: 10 },
      { field: 'overseas', type: 'bool', label: both(lang, '14 天内是否从境外回来', 'Did you return from abroad in the last 14 days?'), required: true },
      { field: 'contact', type: 'choice', label: both(lang, '14 天内接触过下列人员吗', 'Contact in the last 14 days'), required: true, options: choice(lang, [['none', '没有', 'None'], ['confirmed', '确诊病人', 'A confirmed case'], ['suspected', '疑似病人', 'A suspected case'], ['close_contact', '密切接触者', 'A close contact']]) },
      { field: 'contact_on', type: 'day', label: both(lang, '最后一次接触的日期', 'Day of last contact'), required: true, shown_when: { field: 'contact', one_of: ['confirmed', 'suspected', 'close_contact'] } },
      { field: 'temperature_c', type: 'number', label: both(lang, '今天的体温（℃）', 'Temperature today (℃)'), required: true, min: 30, max: 45 },
      { field: 'symptoms', type: 'choices', label: both(lang, '现在有这些症状吗', 'Do you have any of these now?'), required: false, options: choice(lang, [['fever', '发热', 'Fever'], ['fatigue', '乏力', 'Fatigue'], ['dry_cough', '干咳', 'Dry cough'], ['dyspnoea', '呼吸困难', 'Difficulty breathing'], ['nasal_congestion', '鼻塞', 'Blocked nose'], ['runny_nose', '流涕', 'Runny nose'], ['sore_throat', '咽痛', 'Sore throat'], ['diarrhoea', '腹泻', 'Diarrhoea']]) },
    ],
  }
}

const tree = { '': [['33', '浙江省', 1], ['42', '湖北省', 1], ['11', '北京市', 1]], 33: [['3301', '杭州市', 2], ['3303', '温州市', 2]], 42: [['4201', '武汉市', 2]], 3301: [['330106', '西湖区', 3], ['330110', '余杭区', 3]], 3303: [['330382', '乐清市', 3]], 330106: [['330106003', '西溪街道', 4], ['330106109', '蒋村街道', 4]], 330106109: [['330106109001', '示例社区', 5]] }

const problem = (status, code, detail, more = {}) => ({ status, body: { type: 'about:blank', title: code, status, code, detail, ...more } })

function api(method, path, query, body, lang) {
  const route = `${method} ${path}`
  const mine = path.startsWith('/api/v1/me') || path.startsWith('/api/v1/decl')
  if (mine && !phone) return problem(401, 'auth.missing', both(lang, '请先登录。', 'Please log in first.'))
  switch (route) {
    case 'GET /api/v1/site':
      return { body: { demo: true, division: { code: '3301', name: both(lang, '杭州市', 'Hangzhou') }, zone: 'Asia/Shanghai', server_time: iso(now()), pack: { id: 'hangzhou', version: '2020.02.11', digest: '0', name: '' }, renew_s: 30 } }
    case 'POST /api/v1/login/codes':
      if (!/^\+?\d[\d ]{7,}$/.test(body.phone)) return problem(422, 'phone.format', both(lang, '手机号的格式不对。', 'This is not a phone number.'), { fields: [{ field: 'phone', code: 'phone.format', detail: both(lang, '手机号的格式不对。', 'This is not a phone number.') }] })
      return { status: 202, body: { expires_in_s: 600, resend_in_s: 60, demo_outbox: '/demo/outbox' } }
    case 'POST /api/v1/login':
      if (body.code !== '000000') return problem(401, 'login.code', both(lang, '验证码不对，还可以试 4 次。', 'That code is not right. You have 4 tries left.'))
      enter(String(body.phone))
      return { body: { token: 'mock', expires_at: iso(now() + 3600e3) } }
    case 'POST /api/v1/login/renew':
      return phone ? { body: { token: 'mock', expires_at: iso(now() + 3600e3) } } : problem(401, 'auth.device', both(lang, '请先登录。', 'Please log in first.'))
    case 'POST /api/v1/logout':
      phone = null
      return { status: 204 }
    case 'GET /api/v1/me': {
      const answer = me()
      const { state } = person()
      if (answer.state === 'claim')
        answer.claim = {
          state,
          method: 'demo',
          detail: { needs_proof: both(lang, '这份证件登记在另一个手机号下。验证码已发到演示发件箱。', 'This document is registered with another phone. A code was sent to the demo outbox.'), in_review: '', refused: both(lang, '证件照片与姓名不一致。', 'The name does not match the document.') }[state],
        }
      return { body: answer }
    }
    case 'GET /api/v1/declaration-form':
      return { body: form(lang) }
    case 'POST /api/v1/declarations':
      if (body.document.number.endsWith('9')) return problem(422, 'declaration.invalid', both(lang, '有的内容不对。', 'Some answers are not right.'), { fields: [{ field: 'document.number', code: 'identity.check_digit', detail: both(lang, '身份证号码的校验位不对。', 'The check digit of the number is wrong.') }] })
      person().state = 'green'
      return { status: 201, body: { declaration: 'x', state: 'accepted' } }
    case 'POST /api/v1/me/identity/proof':
      if (body.proof !== '000000') return problem(422, 'proof.wrong', both(lang, '验证码不对。', 'That code is not right.'))
      person().state = 'green'
      return { body: { state: 'accepted' } }
    case 'GET /api/v1/me/code':
      return { body: code(lang) }
    case 'GET /api/v1/me/notices':
      return { body: { items: [] } }
    case 'GET /api/v1/me/check-ins':
      return { body: { items: person().checkIns } }
    case 'POST /api/v1/me/check-ins': {
      const normal = body.temperature_c < 37.3 && body.symptoms.length === 0
      person().checkIns.unshift({ at: iso(now()), day: zoneDay(now()), normal, ...body })
      person().today = true
      return { status: 201, body: { day: zoneDay(now()), normal, counted: normal, detail: normal ? both(lang, '今天算作正常的一天。', 'Today counts as a normal day.') : both(lang, '体温或症状异常，请联系社区医生。', 'Your temperature or symptoms are not normal. Please call your community doctor.') } }
    }
    case 'GET /api/v1/divisions':
      return { body: { items: (tree[query.get('parent') ?? ''] ?? []).map(([code, name, level]) => ({ code, name, level, has_children: code in tree })) } }
    case 'POST /mock':
      Object.assign(mock, body)
      if (body.ahead_s) ahead += body.ahead_s * 1000
      return { body: mock }
  }
  return problem(404, 'route.unknown', 'unknown')
}

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost')
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  if (url.pathname.startsWith('/api/') || url.pathname === '/mock') {
    if (mock.off && url.pathname !== '/mock') return request.socket.destroy()
    await new Promise((go) => setTimeout(go, mock.delay_ms))
    const text = Buffer.concat(chunks).toString()
    const lang = (request.headers['accept-language'] ?? '').startsWith('en') ? 'en' : 'zh'
    const { status = 200, body } = api(request.method, url.pathname, url.searchParams, text ? JSON.parse(text) : {}, lang)
    response.writeHead(status, { 'Content-Type': status >= 400 ? 'application/problem+json' : 'application/json', 'Cache-Control': 'no-store' })
    return response.end(body === undefined ? '' : JSON.stringify(body))
  }
  if (mock.off) return request.socket.destroy()
  const pages = { '/': 'index.html', '/checkpoint': 'checkpoint/index.html', '/staff': 'staff/index.html' }
  const file = normalize(pages[url.pathname] ?? url.pathname.slice(1))
  try {
    const bytes = await readFile(join(dist, file))
    response.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': csp, 'Cache-Control': file.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache', 'X-Content-Type-Options': 'nosniff' })
    response.end(bytes)
  } catch {
    response.writeHead(404).end('not found')
  }
}).listen(port, () => console.log(`pages with made-up data on http://localhost:${port}`))
