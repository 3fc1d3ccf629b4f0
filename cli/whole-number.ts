import { UsageError } from './cli-error.js'

/** The number of an option. @throws UsageError unless it is a whole number in low..high */
export function wholeNumber(option: string, text: string, high: number, low = 0): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= low && value <= high)) throw new UsageError(`${option} ${text}: not a whole number in ${low}..${high}`)
  return value
}
