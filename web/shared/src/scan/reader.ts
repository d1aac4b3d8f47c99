// Our own QR reader for browsers without one. A part of its own, with its
// WebAssembly from our own host: the library would fetch it from a foreign one.
import { BarcodeDetector, prepareZXingModule } from 'barcode-detector/ponyfill'
import wasm from 'zxing-wasm/reader/zxing_reader.wasm?url'

export function makeDetector(): BarcodeDetector {
  prepareZXingModule({
    overrides: { locateFile: (path: string, prefix: string) => (path.endsWith('.wasm') ? wasm : prefix + path) },
  })
  return new BarcodeDetector({ formats: ['qr_code'] })
}
