/**
 * Names the transactional producer of an instance, differently for each pair of ids. Hyphens of the instance id are replaced by colons, which no
 * id contains: application `x` with instance `y-1` would otherwise fence `x-y` with instance `1`. Prefix ACLs on the application id still match.
 */
export function transactionalIdOf(applicationId: string, instanceId: string): string {
  return `${applicationId}-${instanceId.replaceAll('-', ':')}`;
}
