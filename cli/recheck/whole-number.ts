import { UsageError } from '../cli-error.js'

/** The number of an option. @throws UsageError unless it is a whole number in 0..high */
export function wholeNumber(option: string, text: string, high: number): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > high)
    throw new UsageError(`${option} ${text}: not a whole number in 0..${high}`)
  return Number(text)
}
