/** One circuit breaker per call: a target that keeps failing costs an assessment nothing. */
import {
  BrokenCircuitError,
  type CircuitBreakerPolicy,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  handleWhenResult,
} from 'cockatiel';
import { failed, type Outcome } from './outcome.ts';

export interface BreakerOptions {
  /** failures in a row that open it; default 10 */
  failures?: number;
  /** milliseconds that it stays open before one call may probe; default 5000 */
  openMs?: number;
  onChange?: (key: string, state: BreakerState) => void;
}

export type BreakerState = 'closed' | 'open' | 'probing';

export interface Breakers {
  /**
   * Runs `work` unless the breaker of `key` is open or a probe is under way: then the outcome is `CircuitBreaker`, at once.
   * @param version what the call is; a breaker starts anew when it changes
   */
  run(key: string, version: string, work: () => Promise<Outcome>): Promise<Outcome>;
  state(key: string): BreakerState;
}

const states: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'probing',
  [CircuitState.Isolated]: 'open',
};

/** Breakers are of this process: each instance finds out by itself, after its own `failures`. */
export function openBreakers(options: BreakerOptions = {}): Breakers {
  const failures = options.failures ?? 10;
  const breakers = new Map<string, { version: string; policy: CircuitBreakerPolicy }>();

  function breakerOf(key: string, version: string): CircuitBreakerPolicy {
    const known = breakers.get(key);
    if (known?.version === version) return known.policy;
    const policy = circuitBreaker(handleWhenResult(isOutcomeThatCounts), {
      breaker: new ConsecutiveBreaker(failures),
      halfOpenAfter: options.openMs ?? 5000,
    });
    policy.onStateChange((state) => {
      if (breakers.get(key)?.policy === policy) options.onChange?.(key, states[state]);
    });
    breakers.set(key, { version, policy });
    return policy;
  }

  const refused = () => failed('CircuitBreaker', `calls are suspended after ${failures} failures in a row`);

  async function run(key: string, version: string, work: () => Promise<Outcome>): Promise<Outcome> {
    const policy = breakerOf(key, version);
    // the package would let others wait for the probe, and then for their own call: twice the time-out
    if (policy.state === CircuitState.HalfOpen) return refused();
    try {
      return await policy.execute(work);
    } catch (error) {
      if (error instanceof BrokenCircuitError) return refused();
      throw error;
    }
  }

  return {
    run,
    state: (key) => states[breakers.get(key)?.policy.state ?? CircuitState.Closed],
  };
}

/**
 * Whether an outcome speaks against the target. An HTTP 4xx does not: it answers, and the fault may lie in the values of
 * one event, whose sender must not be able to suspend the call for others. 408 and 429 do.
 */
export function counts({ status, httpStatusCode }: Outcome): boolean {
  if (status === 'Success') return false;
  const clientError = httpStatusCode >= 400 && httpStatusCode <= 499;
  return !clientError || httpStatusCode === 408 || httpStatusCode === 429;
}

function isOutcomeThatCounts(value: unknown): boolean {
  return isOutcome(value) && counts(value);
}

function isOutcome(value: unknown): value is Outcome {
  return typeof value === 'object' && value !== null && 'status' in value && 'httpStatusCode' in value;
}
