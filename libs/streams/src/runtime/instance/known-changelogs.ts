import type { ChangelogIdentity } from '../restore/changelog-identity.js';
import type { StoreCurrency } from '../restore/store-currency.js';

/** What the instance knows about the changelogs of its stores from earlier starts. */
export interface KnownChangelogs {
  readonly changelogs: ChangelogIdentity;
  readonly currency: StoreCurrency;
}
