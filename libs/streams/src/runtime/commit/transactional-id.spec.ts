import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { transactionalIdOf } from './transactional-id.js';

describe('the transactional id', () => {
  const id = fc.stringMatching(/^[a-z1._-]{1,6}$/);

  it('is shared by no two instances, whatever their applications are called', () => {
    expect(transactionalIdOf('x', 'y-1')).not.toBe(transactionalIdOf('x-y', '1'));
    fc.assert(
      fc.property(id, id, id, (application, between, instance) => {
        const longer = transactionalIdOf(`${application}-${between}`, instance);
        expect(transactionalIdOf(application, `${between}-${instance}`)).not.toBe(longer);
      }),
    );
  });

  it('stays as it was for an instance id without hyphens', () => {
    expect(transactionalIdOf('bank-eu', 'first')).toBe('bank-eu-first');
  });
});
