// The steps of a draft, as their addresses name them.
export const steps = ['write', 'cases', 'try', 'propose'] as const
export type Step = (typeof steps)[number]
export const stepOf = (text: unknown): Step => (steps.includes(text as Step) ? (text as Step) : 'write')
