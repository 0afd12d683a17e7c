"""All targets, by name."""

from __future__ import annotations

from benchmarks.fuzz import detectors, galleries, keys, logs, outside, pictures, towers, training, transfers, words
from benchmarks.fuzz.contract import Target

_GALLERY, _PLAIN = galleries.file_target("key"), galleries.file_target("none")
_CELLS, _PLAIN_CELLS = galleries.sql_target("key"), galleries.sql_target("none")
_RECORDS = galleries.records_target()

TARGETS = {
    target.name: target
    for target in (
        Target(name="gallery-file", what="an encrypted gallery, byte by byte", seeds=_GALLERY[0], make=_GALLERY[1]),
        Target(name="gallery-plain", what="an unencrypted gallery, byte by byte", seeds=_PLAIN[0], make=_PLAIN[1]),
        Target(name="gallery-cells", what="its cells, of other types and values", seeds=_CELLS[0], make=_CELLS[1]),
        Target(name="gallery-plain-cells", what="the same, unencrypted", seeds=_PLAIN_CELLS[0], make=_PLAIN_CELLS[1]),
        Target(name="gallery-records", what="hostile records, rightly sealed", seeds=_RECORDS[0], make=_RECORDS[1]),
        Target(name="import-file", what="an exported file", seeds=transfers.file_seeds, make=transfers.make_file),
        Target(
            name="import-people", what="hostile people in one", seeds=transfers.people_seeds, make=transfers.make_people
        ),
        Target(name="tower-file", what="a tower file, signed or not", seeds=towers.file_seeds, make=towers.make_file),
        Target(
            name="tower-card",
            what="hostile cards and golden vectors, right hashes",
            seeds=towers.member_seeds,
            make=towers.make_members,
        ),
        Target(
            name="tower-model", what="hostile models, right hashes", seeds=towers.model_seeds, make=towers.make_model
        ),
        Target(name="signature", what="signature.json", seeds=keys.signature_seeds, make=keys.make_signature),
        Target(name="public-key", what="public keys in PEM", seeds=keys.pem_seeds, make=keys.make_pem),
        Target(name="secret", what="key files", seeds=keys.secret_seeds, make=keys.make_secret),
        Target(name="picture", what="pictures", seeds=pictures.seeds, make=pictures.make),
        Target(
            name="trees",
            what="regression trees, and the pinned refiner",
            seeds=detectors.trees_seeds,
            make=detectors.make_trees,
        ),
        Target(
            name="detector-pinned",
            what="a pinned detector's file",
            seeds=detectors.pinned_seeds,
            make=detectors.make_pinned,
        ),
        Target(
            name="detector-onnx", what="a YuNet of one's own", seeds=detectors.yunet_seeds, make=detectors.make_yunet
        ),
        Target(name="audit", what="audit log and lockout", seeds=logs.audit_seeds, make=logs.make_audit),
        Target(name="json", what="marks and calibrations in JSON", seeds=logs.json_seeds, make=logs.make_json),
        Target(name="events", what="places outside, in TOML", seeds=outside.event_seeds, make=outside.make_events),
        Target(name="anti-spoof", what="cards of anti-spoof models", seeds=outside.card_seeds, make=outside.make_card),
        Target(name="words", what="sizes, sources, delegates", seeds=words.text_seeds, make=words.make_text),
        Target(name="policies", what="policies of hostile numbers", seeds=words.policy_seeds, make=words.make_policy),
        Target(name="commands", what="command lines", seeds=words.command_seeds, make=words.make_command),
        Target(name="recipe", what="recipes in TOML, settings", seeds=words.recipe_seeds, make=words.make_recipe),
        Target(name="data-sets", what="lists of pairs, IDX files, archives", seeds=training.seeds, make=training.make),
    )
}
