/** `npm run test:faults` plays all stories and kills; `npm test` plays enough of them to notice a mistake within seconds. */
const asked = process.env.TAMIS_FAULT_SEEDS;

export const storyCount = asked === undefined ? 1_000 : Number(asked);
export const killCount = asked === undefined ? 12 : 200;
