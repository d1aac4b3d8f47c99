// What a browser calls itself, in words that its owner knows it by. Order matters: most claim to be others too.
const browsers: [RegExp, string][] = [
  [/MicroMessenger\/(\d+)/, 'WeChat'],
  [/DingTalk\/(\d+)/, 'DingTalk'],
  [/Edg(?:A|iOS)?\/(\d+)/, 'Edge'],
  [/(?:Firefox|FxiOS)\/(\d+)/, 'Firefox'],
  [/(?:HeadlessChrome|Chrome|CriOS)\/(\d+)/, 'Chrome'],
  [/Version\/(\d+).* Safari\//, 'Safari'],
]
const systems: [RegExp, string][] = [
  [/HarmonyOS|OpenHarmony/, 'HarmonyOS'],
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
]

/** `Chrome 156 · Linux`; what is not known stands as it came. */
export function browserText(agent: string): string {
  const browser = browsers.find(([mark]) => mark.test(agent))
  const system = systems.find(([mark]) => mark.test(agent))
  const name = browser && `${browser[1]} ${agent.match(browser[0])?.[1]}`
  return [name, system?.[1]].filter(Boolean).join(' · ') || agent
}
