"""The transparency log itself: pure arithmetic over bytes, with no database, no broker and no web.

It follows C2SP tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature, tlog-proof and tlog-policy over the
Merkle tree of RFC 6962 (RFC 9162 section 2). Read it in this order: ``tree`` (hashes and proofs), ``tiles`` (how a
tree is kept), ``note`` and ``checkpoint`` (how a head is signed), ``policy`` (whose signatures count), ``envelope``
(what an entry holds), ``sequencer`` and ``signer`` (how a log grows), ``receipt`` and ``bundle`` (what a reader takes
home), ``folder`` (a log as plain files). Storage comes in through the two protocols in ``tiles``.
"""
