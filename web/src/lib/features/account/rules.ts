// What the page can say about a name and a password before it asks the server, which has the last word.

export const PASSWORD_MIN = 12;

/** Empty when it is fine. */
export function checkName(name: string): string {
  if (name.trim() === '') return 'A name is needed.';
  if (!/^[A-Za-z0-9._@-]*$/.test(name.trim())) return 'Only letters without accents, digits, and any of . _ - @';
  return name.trim().length > 64 ? 'At most 64 characters.' : '';
}

export function checkPassword(password: string, name: string): string {
  const length = [...password].length;
  if (length < PASSWORD_MIN) return `${PASSWORD_MIN} characters are needed; this has ${length}.`;
  return password.toLowerCase() === name.trim().toLowerCase() ? 'It must differ from the name.' : '';
}
