// A result is heard and felt as well as seen; each pattern differs in number,
// length and movement of its tones, not in pitch alone. Made by oscillators,
// so that there is no file to load.
import type { Colour } from '@kangma/shared/api-types'

interface Tone {
  /** Seconds from the beginning. */
  at: number
  length: number
  from: number
  to: number
  kind: OscillatorType
}

const flat = (at: number, length: number, pitch: number, kind: OscillatorType = 'sine'): Tone => ({ at, length, from: pitch, to: pitch, kind })

/** One short rising tone; two equal tones; one low long tone; three clicks. */
export const tones: Record<Colour, Tone[]> = {
  green: [{ at: 0, length: 0.18, from: 660, to: 1320, kind: 'sine' }],
  yellow: [flat(0, 0.16, 740, 'triangle'), flat(0.28, 0.16, 740, 'triangle')],
  red: [flat(0, 0.9, 165, 'sawtooth')],
  grey: [flat(0, 0.03, 1800, 'square'), flat(0.14, 0.03, 1800, 'square'), flat(0.28, 0.03, 1800, 'square')],
}

/** Two falling steps before the result: the server knew better. */
export const changedTones: Tone[] = [flat(0, 0.1, 988), flat(0.12, 0.1, 659)]
const changedLength = 0.35
/** One soft click before the result: the colour is of an earlier time. */
export const asOfTones: Tone[] = [flat(0, 0.03, 500, 'triangle')]
const asOfLength = 0.15

/** Milliseconds on, off, on … */
export const vibrations: Record<Colour, number[]> = {
  green: [90],
  yellow: [90, 110, 90],
  red: [700],
  grey: [30, 90, 30, 90, 30],
}

export type Lead = 'none' | 'changed' | 'as_of'

const storedMute = 'kangma.checkpoint.mute'

export function keptMute(): boolean {
  try {
    return localStorage.getItem(storedMute) === '1'
  } catch {
    return false
  }
}

export function keepMute(mute: boolean): void {
  try {
    localStorage.setItem(storedMute, mute ? '1' : '0')
  } catch {
    // The choice then lasts as long as the page.
  }
}

let audio: AudioContext | null = null

/** Browsers let a page sound only after a touch or a key: call it there. */
export function wakeSound(): void {
  try {
    audio ??= new AudioContext()
    if (audio.state === 'suspended') void audio.resume()
  } catch {
    // No sound on this device; word, shape and vibration remain.
  }
}

export function signal(colour: Colour, lead: Lead, mute: boolean): void {
  navigator.vibrate?.(lead === 'changed' ? [40, 40, 40, 200, ...vibrations[colour]] : vibrations[colour])
  if (mute) return
  wakeSound()
  if (!audio) return
  const start = audio.currentTime + 0.02
  if (lead === 'changed') play(changedTones, start)
  if (lead === 'as_of') play(asOfTones, start)
  play(tones[colour], start + (lead === 'changed' ? changedLength : lead === 'as_of' ? asOfLength : 0))
}

function play(list: Tone[], start: number): void {
  if (!audio) return
  for (const tone of list) {
    const source = audio.createOscillator()
    const gain = audio.createGain()
    const begin = start + tone.at
    const end = begin + tone.length
    source.type = tone.kind
    source.frequency.setValueAtTime(tone.from, begin)
    source.frequency.linearRampToValueAtTime(tone.to, end)
    // Soft edges: a bare start and stop cracks.
    gain.gain.setValueAtTime(0, begin)
    gain.gain.linearRampToValueAtTime(0.5, begin + 0.008)
    gain.gain.setValueAtTime(0.5, Math.max(begin + 0.008, end - 0.012))
    gain.gain.linearRampToValueAtTime(0, end)
    source.connect(gain).connect(audio.destination)
    source.start(begin)
    source.stop(end + 0.02)
  }
}
