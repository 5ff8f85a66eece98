import { Tenure, type TenureTerms } from './tenure.js';

/** The tenure that this instance holds, if any. At most one is live. */
export class Tenures {
  private latest: Tenure | undefined;

  /** Undefined outside a membership: no task may be activated then, and no commit begun. */
  get live(): Tenure | undefined {
    return this.latest?.isLive === true ? this.latest : undefined;
  }

  /** Renews the live tenure, or makes one where the membership is new. */
  assigned(terms: TenureTerms): Tenure {
    const { live } = this;
    if (live?.isOf(terms.identity)) {
      live.renew(terms);
      return live;
    }
    live?.end();
    this.latest = new Tenure(terms);
    return this.latest;
  }

  end(): void {
    this.latest?.end();
  }
}
