"""A reason as an English sentence. Services render the same codes in each reader's language.

The codes and their parameters, all integers (counts and pieces unless said otherwise):

- `met_in_full`: pieces, late_pieces
- `substitute_used` (met in full, partly by substitutes): pieces, substitute_pieces, late_pieces
- `shared_shortage`: rate_numerator, rate_denominator (the fair fill rate); sources, source_pieces
  (all used up); needs (of this tier, at the same rate), earlier_needs (of earlier tiers, met in
  full from the same sources); tier; level (the pool's place in the certificate)
- `cheapest_first` (fairness is off): the same without the rate
- `earlier_tiers_first`: level, tier
- `no_supply`, `no_lane`, `too_late`, `expires_on_arrival`, `earmarked_elsewhere` (no source may
  serve this need, and this is what stopped those that came nearest to it): sources, source_pieces
- `as_practised` (a baseline's result): pieces, requested
- `not_proven` (solving was stopped early): pieces, requested
"""

from collections.abc import Mapping

from optimizer.plan import Reason

SENTENCES: Mapping[str, str] = {
    "met_in_full": "Met in full: {pieces}.",
    "substitute_used": "Met in full: {pieces}, {substitute_pieces} of them substitutes.",
    "shared_shortage": (
        "Short: all that is left for it, {source_pieces} in {sources}, is used up and shared with "
        "the needs of this priority that depend on it, {needs}, at one fill rate of {percent} %."
    ),
    "cheapest_first": (
        "Short: all that is left for it, {source_pieces} in {sources}, is used up, and the policy "
        "serves first whom it is cheapest to serve."
    ),
    "earlier_tiers_first": "Nothing left: more urgent needs use up all that could reach it.",
    "no_supply": "No lot of its item, or of a substitute that it accepts, is on offer.",
    "no_lane": "No lane leads here from what is on offer: {source_pieces} in {sources}.",
    "too_late": "What is on offer would arrive after the last day: {source_pieces} in {sources}.",
    "expires_on_arrival": (
        "What could arrive would have too little shelf life left: {source_pieces} in {sources}."
    ),
    "earmarked_elsewhere": "What could arrive is earmarked: {source_pieces} in {sources}.",
    "as_practised": "By this practice: {pieces} of {requested}.",
    "not_proven": "Solving was stopped before its proof: {pieces} of {requested}.",
}

LATE = " Late, after the need-by day: {late_pieces}."
EARLIER = " More urgent needs draw on the same lots and are met in full: {earlier_needs}."

UNITS: Mapping[str, str] = {
    "pieces": "piece",
    "late_pieces": "piece",
    "substitute_pieces": "piece",
    "source_pieces": "piece",
    "requested": "piece",
    "sources": "lot",
    "needs": "need",
    "earlier_needs": "need",
}


def sentence(reason: Reason) -> str:
    """Return the reason in English; KeyError for a code that is not listed above."""
    text = SENTENCES[reason.code]
    if reason.params.get("late_pieces"):
        text += LATE
    if reason.params.get("earlier_needs"):
        text += EARLIER
    figures = {name: _counted(name, value) for name, value in reason.params.items()}
    return text.format_map(figures | {"percent": _percent(reason.params)})


def _counted(name: str, value: int | str) -> str:
    if not isinstance(value, int) or name not in UNITS:
        return str(value)
    return f"{value:,} {UNITS[name]}" + ("" if value == 1 else "s")


def _percent(params: Mapping[str, int | str]) -> str:
    part, whole = params.get("rate_numerator", 0), params.get("rate_denominator", 1)
    if not isinstance(part, int) or not isinstance(whole, int) or whole < 1:
        return "?"
    tenths = 1000 * part // whole
    return f"{tenths // 10}.{tenths % 10}"
