/** Stands below the choice that does not hold. */
export function WhyNot({ why, id }: { why: string | null; id?: string }) {
  if (why === null) return null;
  return (
    <p role="alert" id={id} className="limits-refused" data-testid="limits-refused">
      {why}
    </p>
  );
}
