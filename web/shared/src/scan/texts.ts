// Texts of scanning, wherever a page scans, in both languages.
import { texts } from '../i18n'

export const zh = {
  'picture.choose': '用图片',
  'paste.open': '粘贴文字',
  'camera.title': '正在扫码',
  'camera.label': '相机画面，请把二维码放在方框里',
  'camera.hint': '把二维码放进方框',
  'camera.starting': '正在打开相机…',
  'camera.stop': '停止扫码',
  'camera.torch_on': '打开手电筒',
  'camera.torch_off': '关闭手电筒',
  'camera.denied': '相机没有获得许可。请在浏览器的网站设置里允许使用相机，再点“开始扫码”。也可以用图片、粘贴文字或扫码枪。',
  'camera.missing': '没有找到相机。请用图片、粘贴文字或扫码枪。',
  'camera.busy': '相机正被别的程序占用。请关掉那个程序，再点“开始扫码”。',
  'camera.insecure': '浏览器只在 https 网址上开放相机。请换用 https 网址，或用图片、粘贴文字、扫码枪。',
  'camera.reader': '识码组件没有加载成功。请连上网络，再点“开始扫码”。',
  'camera.other': '相机没有打开。请再点“开始扫码”，或用图片、粘贴文字、扫码枪。',
  'picture.not_picture': '这个文件不是图片，或者已损坏。请另选一张。',
  'picture.too_large': '图片超过 30 MB。请另选一张，或截取有二维码的部分。',
  'picture.no_code': '图片里没有找到二维码。请让二维码清楚、完整、占画面的三分之一以上。',
  'picture.reading': '正在识别图片…',
  'paste.label': '二维码里的文字',
  'paste.help': '以 KM1: 开头。',
  'paste.check': '核验',
  'paste.empty': '请先粘贴二维码里的文字。',
}

export type Key = keyof typeof zh

export const en: Record<Key, string> = {
  'picture.choose': 'Use a picture',
  'paste.open': 'Paste text',
  'camera.title': 'Scanning',
  'camera.label': 'Camera picture; hold the QR code inside the frame',
  'camera.hint': 'Hold the QR code inside the frame',
  'camera.starting': 'Opening the camera…',
  'camera.stop': 'Stop scanning',
  'camera.torch_on': 'Turn the torch on',
  'camera.torch_off': 'Turn the torch off',
  'camera.denied': 'The camera is not permitted. Allow it in the browser’s settings for this site, then choose “Start scanning”. A picture, pasted text or a hand-held scanner work too.',
  'camera.missing': 'No camera was found. Use a picture, pasted text or a hand-held scanner.',
  'camera.busy': 'Another program uses the camera. Close it, then choose “Start scanning”.',
  'camera.insecure': 'Browsers give the camera only to https addresses. Use an https address, or a picture, pasted text or a hand-held scanner.',
  'camera.reader': 'The code reader could not be loaded. Connect to the network, then choose “Start scanning”.',
  'camera.other': 'The camera did not open. Choose “Start scanning” again, or use a picture, pasted text or a hand-held scanner.',
  'picture.not_picture': 'This file is no picture, or it is damaged. Choose another one.',
  'picture.too_large': 'The picture is over 30 MB. Choose another one or cut out the QR code.',
  'picture.no_code': 'No QR code was found in the picture. It should be sharp, whole and fill a third of the picture.',
  'picture.reading': 'Reading the picture…',
  'paste.label': 'Text of the QR code',
  'paste.help': 'It begins with KM1:',
  'paste.check': 'Check',
  'paste.empty': 'Paste the text of the QR code first.',
}

export const t = texts(zh, en, 'scan')
