import { z } from 'zod'

/** A whole number of decimal digits within bounds, which the text of a variable must be; `preset` without one. */
export const wholeNumber = (min: number, max: number, preset: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, 'not a whole number')
    .transform(Number)
    .refine((n) => n >= min && n <= max, `not in ${min}..${max}`)
    .prefault(String(preset))

/** The parts of a list with commas. */
export const partsOf = (text: string): string[] => text.split(',').map((part) => part.trim())

/** Text on one line without spaces at its ends. */
export const lineOfText = z.string().regex(/^\S(?:[^\r\n\0]{0,4094}\S)?$/, 'not one line of 1 to 4,096 characters')

const hasNoCredentials = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url === undefined || (url.username === '' && url.password === '')
}

/** @param instead what to set in place of a user and a password in the URL */
const urlWithout = (instead: string) =>
  z
    .string()
    .regex(/^https?:\/\/\S+$/, 'not an http(s) URL')
    .refine(hasNoCredentials, `contains a user or a password; ${instead}`)

/** A URL that other people see, or that needs no login. */
export const httpUrl = urlWithout('remove them')

/** A URL of a server whose login has variables of its own. */
export const httpUrlWithLoginIn = (...variables: readonly string[]) => urlWithout(`set ${variables.join(' and ')}`)
