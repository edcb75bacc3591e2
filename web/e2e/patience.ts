/** How much longer than elsewhere things may take: in the hostile profile calls are refused, lost and made again. */
export const patience = process.env['ERRAND_PROFILE'] === 'hostile' ? 8 : 1
