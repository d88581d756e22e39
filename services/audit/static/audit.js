// The page of an entry checks its own proof in the reader's browser: WebCrypto, and a key that the reader pinned. Nothing
// that the server says of itself is believed; what is checked is the text of the entry, the path and the signed note.

const place = document.querySelector("[data-check-here]");
const KEPT = "houqin.log.key";

const bytesOf = (base64) => Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const same = (a, b) => a.length === b.length && a.every((each, at) => each === b[at]);
const hash = async (...parts) => {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) { all.set(part, at); at += part.length; }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
};
const LEAF = Uint8Array.of(0), NODE = Uint8Array.of(1);

// RFC 9162, 2.1.3.2. Sizes stay below 2^53 here; halves by division, because bit operations cut to 32 bits.
async function rootOf(leaf, index, size, path) {
  let low = index, high = size - 1, node = leaf;
  for (const sibling of path) {
    if (high === 0) return null;
    if (low % 2 === 1 || low === high) {
      node = await hash(NODE, sibling, node);
      while (low > 0 && low % 2 === 0) { low /= 2; high = Math.floor(high / 2); }
    } else {
      node = await hash(NODE, node, sibling);
    }
    low = Math.floor(low / 2); high = Math.floor(high / 2);
  }
  return high === 0 ? node : null;
}

// A vkey reads name+id+base64(1 ‖ public key); its id is the first four bytes of SHA-256(name ‖ LF ‖ 1 ‖ key).
export async function readKey(text) {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+={0,2})$/.exec(text.trim());
  if (!match) return null;
  let data;
  try { data = bytesOf(match[3]); } catch { return null; }
  if (data.length !== 33 || data[0] !== 1) return null;
  const id = (await hash(new TextEncoder().encode(`${match[1]}\n`), data)).slice(0, 4);
  return same(id, fromHex(match[2])) ? { name: match[1], id, raw: data.slice(1) } : null;
}

export async function check(proof, keyText) {
  const given = keyText.trim().split(/\s+/), keys = [];
  for (const each of given) keys.push(await readKey(each));
  if (keys.includes(null)) return ["bad_key"];
  const cut = proof.note.lastIndexOf("\n\n");
  const text = proof.note.slice(0, cut + 1), lines = proof.note.slice(cut + 2).split("\n");
  const [origin, size, root] = text.split("\n");
  const key = keys.find((each) => each.name === origin);
  if (!key) return ["other_log"];
  const leaf = await hash(LEAF, new TextEncoder().encode(proof.leaf));
  const reached = await rootOf(leaf, proof.index, Number(size), proof.hashes.map(fromHex));
  if (!reached || !same(reached, bytesOf(root))) return ["not_there"];
  const public_ = await crypto.subtle.importKey("raw", key.raw, { name: "Ed25519" }, false, ["verify"]);
  for (const line of lines) {
    const [, name, encoded] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== key.name) continue;
    const data = bytesOf(encoded);
    if (!same(data.slice(0, 4), key.id)) continue;
    const good = await crypto.subtle.verify({ name: "Ed25519" }, public_, data.slice(4), new TextEncoder().encode(text));
    return good ? ["proven", size] : ["bad_signature"];
  }
  return ["not_signed"];
}

async function begin() {
  const proof = JSON.parse(document.getElementById("entry-proof-data").textContent);
  const field = place.querySelector("textarea"), said = place.querySelector("output");
  place.hidden = false;
  field.value = localStorage.getItem(KEPT) ?? "";
  const run = async () => {
    let verdict;
    try {
      verdict = globalThis.crypto?.subtle ? await check(proof, field.value) : ["no_crypto"];
    } catch {
      verdict = ["no_crypto"];
    }
    if (!["bad_key", "no_crypto"].includes(verdict[0])) localStorage.setItem(KEPT, field.value.trim());
    said.textContent = place.dataset[verdict[0].replace(/_(.)/g, (_, each) => each.toUpperCase())];
    said.dataset.verdict = verdict[0];
    const failed = !["proven", "bad_key", "no_crypto", "other_log"].includes(verdict[0]);
    said.dataset.tone = verdict[0] === "proven" ? "done" : failed ? "late" : "soon";
  };
  place.querySelector("button").addEventListener("click", run);
  if (field.value) await run();
}

if (place) begin();
