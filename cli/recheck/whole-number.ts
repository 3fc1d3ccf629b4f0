import { UsageError } from '../cli-error.js'

/** The number of an option. @throws UsageError unless it is a whole number in low..high */
export function wholeNumber(option: string, text: string, high: number, low = 0): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > high || Number(text) < low)
    throw new UsageError(`${option} ${text}: not a whole number in ${low}..${high}`)
  return Number(text)
}
