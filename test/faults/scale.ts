/** `npm run test:faults` plays all stories and kills; `npm test` plays enough of them to notice a mistake within seconds. */
export const isThorough = process.env.TAMIS_FAULTS === 'all';
