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
    "met_in_full": "Met in full, {pieces} pieces.",
    "substitute_used": (
        "Met in full, {pieces} pieces, of which {substitute_pieces} are substitutes."
    ),
    "shared_shortage": (
        "Short: the {sources} lots left for it, {source_pieces} pieces, are used up; {needs} needs "
        "of this priority share them at the same fill rate of {percent} %."
    ),
    "cheapest_first": (
        "Short: {sources} lots with {source_pieces} pieces are used up, and the policy serves "
        "first whom it is cheapest to serve."
    ),
    "earlier_tiers_first": "Nothing left: more urgent needs use up all that could reach it.",
    "no_supply": "No lot of its item, or of a substitute that it accepts, is on offer.",
    "no_lane": "No lane leads here from the {sources} lots on offer ({source_pieces} pieces).",
    "too_late": "{sources} lots ({source_pieces} pieces) would arrive after the plan's last day.",
    "expires_on_arrival": (
        "{sources} lots ({source_pieces} pieces) would have too little shelf life on arrival."
    ),
    "earmarked_elsewhere": "{sources} lots ({source_pieces} pieces) are earmarked for others.",
    "as_practised": "{pieces} of {requested} pieces by this practice.",
    "not_proven": "{pieces} of {requested} pieces; solving was stopped before its proof.",
}

LATE = " {late_pieces} of them arrive after the need-by day."
EARLIER = " {earlier_needs} more urgent needs draw on the same lots and are met in full."


def sentence(reason: Reason) -> str:
    """Return the reason in English; KeyError for a code that is not listed above."""
    text = SENTENCES[reason.code]
    if reason.params.get("late_pieces"):
        text += LATE
    if reason.params.get("earlier_needs"):
        text += EARLIER
    return text.format_map({**reason.params, "percent": _percent(reason.params)})


def _percent(params: Mapping[str, int | str]) -> str:
    part, whole = params.get("rate_numerator", 0), params.get("rate_denominator", 1)
    if not isinstance(part, int) or not isinstance(whole, int) or whole < 1:
        return "?"
    tenths = 1000 * part // whole
    return f"{tenths // 10}.{tenths % 10}"
