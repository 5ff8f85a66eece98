/** The one application of a simulated world: group, changelogs and transactional ids begin with it. */
export const APPLICATION = 'ledger';
