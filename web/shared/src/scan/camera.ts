// The camera and what reads QR codes from its pictures. The reader is loaded
// when first needed: the browser's own where it knows QR codes, otherwise ours.

export interface Reader {
  /** The text of a QR code in the picture, or null. */
  read(picture: ImageBitmapSource): Promise<string | null>
}

interface Found {
  rawValue: string
}
interface Detector {
  detect(picture: ImageBitmapSource): Promise<Found[]>
}
interface DetectorClass {
  new (options: { formats: string[] }): Detector
  getSupportedFormats(): Promise<string[]>
}

let reader: Promise<Reader> | null = null

export function loadReader(): Promise<Reader> {
  reader ??= makeReader().catch((error: unknown) => {
    // The next try may find the network back.
    reader = null
    throw error
  })
  return reader
}

async function makeReader(): Promise<Reader> {
  const detector = (await ownDetector()) ?? (await import('./reader')).makeDetector()
  return {
    async read(picture) {
      const found = await detector.detect(picture)
      // Two codes in sight: a pass is meant rather than a poster behind it.
      return (found.find(({ rawValue }) => rawValue.startsWith('KM1:')) ?? found[0])?.rawValue ?? null
    },
  }
}

async function ownDetector(): Promise<Detector | null> {
  const own = (globalThis as { BarcodeDetector?: DetectorClass }).BarcodeDetector
  try {
    return own && (await own.getSupportedFormats()).includes('qr_code') ? new own({ formats: ['qr_code'] }) : null
  } catch {
    return null
  }
}

/** Names of the sentences about a camera that does not work. */
export type CameraTrouble = 'denied' | 'missing' | 'busy' | 'insecure' | 'reader' | 'other'

export function cameraTrouble(error: unknown): CameraTrouble {
  switch ((error as { name?: string } | null)?.name) {
    case 'NotAllowedError':
    case 'PermissionDeniedError':
      return 'denied'
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return 'missing'
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return 'busy'
    case 'SecurityError':
      return 'insecure'
    default:
      return 'other'
  }
}

export async function openCamera(): Promise<MediaStream> {
  // Browsers hide the camera from pages that are not on HTTPS or this machine.
  const devices = navigator.mediaDevices as MediaDevices | undefined
  if (!devices?.getUserMedia) throw new DOMException('no camera for this page', 'SecurityError')
  return devices.getUserMedia({
    audio: false,
    video: { facingMode: { ideal: 'environment' }, width: { ideal: 1280 }, height: { ideal: 720 } },
  })
}

export function closeCamera(stream: MediaStream | null): void {
  for (const track of stream?.getTracks() ?? []) track.stop()
}

export function hasTorch(stream: MediaStream): boolean {
  const track = stream.getVideoTracks()[0]
  return Boolean((track?.getCapabilities?.() as { torch?: boolean } | undefined)?.torch)
}

export async function setTorch(stream: MediaStream, on: boolean): Promise<void> {
  await stream.getVideoTracks()[0]?.applyConstraints({ advanced: [{ torch: on } as MediaTrackConstraintSet] })
}

/** Larger pictures than this are not read. */
export const pictureBytesMax = 30 * 1024 * 1024
/** A code in a large photo is found sooner in a smaller copy; a small code only in a large one. */
const sides = [1_400, 3_200]

export type PictureTrouble = 'not_picture' | 'too_large' | 'no_code'

/** The text in a picture, or why there is none. */
export async function readPicture(file: Blob): Promise<{ text: string } | { trouble: PictureTrouble }> {
  if (file.size > pictureBytesMax) return { trouble: 'too_large' }
  let picture: ImageBitmap
  try {
    picture = await createImageBitmap(file)
  } catch {
    return { trouble: 'not_picture' }
  }
  try {
    const reader = await loadReader()
    let tried = 0
    for (const side of sides) {
      const scale = Math.min(1, side / Math.max(picture.width, picture.height))
      if (scale === tried) break
      tried = scale
      const text = await reader.read(scaled(picture, scale))
      if (text !== null) return { text }
    }
    return { trouble: 'no_code' }
  } finally {
    picture.close()
  }
}

function scaled(picture: ImageBitmap, scale: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(1, Math.round(picture.width * scale))
  canvas.height = Math.max(1, Math.round(picture.height * scale))
  const context = canvas.getContext('2d')
  if (context) {
    // A picture cut out on a transparent ground is black on black otherwise.
    context.fillStyle = '#fff'
    context.fillRect(0, 0, canvas.width, canvas.height)
    context.drawImage(picture, 0, 0, canvas.width, canvas.height)
  }
  return canvas
}
