// From a verdict to what the screen says. Pure, and closed: a verdict that is
// not known here is grey, and so is a colour that is not one.
import type { Colour, Scanned, Verdict } from '@kangma/shared/api-types'

/** What a pass says of itself, as the verifier read it. */
export interface Read {
  verdict: Verdict
  code: string
  colour: string | null
  nameMasked: string | null
  /** Milliseconds: the instant that the colour was true. */
  stateAt: number | null
}

/** Names of the screens; the texts go by them. */
export type Screen =
  | 'green'
  | 'yellow'
  | 'red'
  | 'expired'
  | 'not_yet_valid'
  | 'revoked'
  | 'forged'
  | 'unknown_key'
  | 'specimen'
  | 'not_a_pass'
  | 'cannot_confirm'

/** Why nothing can be confirmed. */
export type Doubt = 'never_synced' | 'no_keys' | 'keys_old' | 'clock' | 'device' | 'server'

/** Who stands behind the verdict. */
export type Checked =
  /** This device; the server is being asked. */
  | 'asking'
  /** This device, and the server says the same. */
  | 'confirmed'
  /** This device alone: no network, or no answer. */
  | 'offline'
  /** This device alone: there is nothing to ask the server. */
  | 'local'
  /** The server, which knows something newer. */
  | 'changed'

export interface Outcome {
  screen: Screen
  /** Colour, shape, pattern, sound. */
  tone: Colour
  doubt: Doubt | null
  nameMasked: string | null
  /** Milliseconds, where the colour is of an earlier time. */
  asOf: number | null
  /** The tone that this device showed before the server knew better. */
  was: Colour | null
  checked: Checked
}

const colours: readonly string[] = ['green', 'yellow', 'red']
const grey: readonly Verdict[] = ['expired', 'not_yet_valid', 'revoked', 'forged', 'unknown_key', 'specimen', 'not_a_pass']

function greyOutcome(screen: Screen, doubt: Doubt | null = null): Outcome {
  return { screen, tone: 'grey', doubt, nameMasked: null, asOf: null, was: null, checked: 'local' }
}

export function cannotConfirm(doubt: Doubt): Outcome {
  return greyOutcome('cannot_confirm', doubt)
}

export function notAPass(): Outcome {
  return greyOutcome('not_a_pass')
}

/** What stands against any verdict of this device, the worst first. */
export function standing(state: { clock: 'never' | 'synced' | 'kept'; keys: 'none' | 'fresh' | 'ageing' | 'over' }): Doubt | null {
  if (state.clock === 'never') return 'never_synced'
  if (state.keys === 'none') return 'no_keys'
  return state.keys === 'over' ? 'keys_old' : null
}

/** The verdict of this device. */
export function ofRead(read: Read, against: Doubt | null, clockDoubtful: boolean): Outcome {
  // What is no pass at all needs neither keys nor clock to be known for it.
  if (read.verdict === 'not_a_pass') return notAPass()
  if (against) return cannotConfirm(against)
  // The later of two disagreeing clocks was taken; "expired" may be too early.
  if (read.verdict === 'expired' && clockDoubtful) return cannotConfirm('clock')
  if (grey.includes(read.verdict)) return greyOutcome(read.verdict as Screen)
  const late = read.verdict === 'as_of'
  if (read.verdict !== 'good' && !late) return cannotConfirm('device')
  if (read.colour === null || !colours.includes(read.colour) || (late && read.stateAt === null)) return cannotConfirm('device')
  return {
    screen: read.colour as Screen,
    tone: read.colour as Colour,
    doubt: null,
    nameMasked: read.nameMasked,
    asOf: late ? read.stateAt : null,
    was: null,
    checked: 'local',
  }
}

/** What the server is asked about. A stranger's QR code (a payment, a ticket) never leaves the device. */
export function worthAsking(local: Outcome): boolean {
  return local.screen !== 'not_a_pass' && local.screen !== 'forged' && local.screen !== 'specimen'
}

const ownState: readonly Screen[] = ['cannot_confirm', 'unknown_key', 'not_yet_valid', 'expired']

/** Whether newer keys or a newer time could change a verdict of this device. */
export const wantsSync = (local: Outcome): boolean => local.screen === 'unknown_key' || local.screen === 'not_yet_valid'

/** The verdict of both: the server knows what changed since the pass was signed. */
export function withServer(local: Outcome, answer: Scanned): Outcome {
  const server = ofAnswer(answer)
  // An answer that this page does not understand changes nothing.
  if (server.screen === 'cannot_confirm') return { ...local, checked: 'offline' }
  // These hang on this device's keys and clock, which the server knows better:
  // nothing has changed since the pass was signed.
  if (ownState.includes(local.screen)) return { ...server, checked: 'confirmed' }
  if (server.screen === local.screen) return { ...local, asOf: null, nameMasked: server.nameMasked ?? local.nameMasked, checked: 'confirmed' }
  return { ...server, nameMasked: server.nameMasked ?? local.nameMasked, was: local.tone, checked: 'changed' }
}

function ofAnswer(answer: Scanned): Outcome {
  const coloured = colours.includes(answer.colour)
  // A superseded pass comes with the colour of now.
  if (coloured && (answer.verdict === 'good' || answer.verdict === 'as_of' || answer.verdict === 'revoked'))
    return { ...greyOutcome(answer.colour as Screen), tone: answer.colour, nameMasked: answer.name_masked }
  if (grey.includes(answer.verdict)) return greyOutcome(answer.verdict as Screen)
  return cannotConfirm('server')
}
