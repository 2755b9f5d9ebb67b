// Codes read without network: the eight characters and the time, on this phone only, until they are sent or two days old.

const NAME = "qosymsha-codes";
const LIFE = 48 * 3600 * 1000;
const CODE = /([0-9A-Za-z]{8})\/?$/;

function read() {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) || "[]");
    return kept.filter(({ code, at }) => CODE.test(code) && Date.now() - Date.parse(at) < LIFE);
  } catch {
    return [];
  }
}

const write = (kept) => localStorage.setItem(NAME, JSON.stringify(kept.slice(-20)));

export const all = read;

// The first time counts: a page opened again does not make the code younger.
export function keep(code) {
  const kept = read();
  const known = kept.find((one) => one.code === code);
  if (known) return known;
  const one = { code, at: new Date().toISOString() };
  write([...kept, one]);
  return one;
}

export const forget = (code) => write(read().filter((one) => one.code !== code));

// The code in an address: `/V/ABCD1234`, or `?c=ABCD1234`.
export function codeIn(address) {
  const url = new URL(address);
  const found = CODE.exec(url.searchParams.get("c") || (url.pathname.startsWith("/V/") ? url.pathname : ""));
  return found ? found[1].toUpperCase() : "";
}
