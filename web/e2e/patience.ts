export const hostile = process.env['ERRAND_PROFILE'] === 'hostile'

/** How much longer than elsewhere things may take: in the hostile profile calls are refused, lost and made again. */
export const patience = hostile ? 8 : 1

/** What is waited for in milliseconds: long, since a test that waits in vain has failed anyhow, and machines are busy. */
export const timeout = 120_000 * patience
