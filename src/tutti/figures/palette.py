"""Colours of figures, on a white page and on a dark one (#1A1F24).

What carries data has a contrast of at least 3 with either page (WCAG 2.1, 1.4.11).
"""

# The first four of Okabe & Ito, Color Universal Design (2008): distinguishable with every common colour
# blindness. Their orange and sky blue are too faint on white, their black is the reference's here.
PALETTE = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7A4E00", "#00366B", "#5E2A84"]
REFERENCE = "#B3B3B3"  # areas: data are grey, models are coloured
CONTROL = "#8C8C8C"  # darker: for lines, points and the outlines of areas
INK, FAINT, BAND, PAGE = "#222222", "#D9D9D9", "#F5F5F5", "#FFFFFF"
GOOD, BAD, QUIET = "#00664A", "#9E3F00", "#4A545C"  # of text
CARDS = {True: ("#FAFAFA", "#E3E3E3"), False: ("#FDF3EC", "#EBC9B3")}
"""Face and edge of the card behind a molecule, by whether it is valid."""

DARK = {
    INK: "#E4E7EA",
    FAINT: "#434B53",
    BAND: "#242A30",
    PAGE: "#1A1F24",
    GOOD: "#3DBE94",
    BAD: "#F08A4B",
    QUIET: "#A3ADB6",
    REFERENCE: "#4A5259",
    "#0072B2": "#4AA8E8",
    "#D55E00": "#F0813A",
    "#009E73": "#2BC193",
    "#CC79A7": "#E39AC4",
    "#7A4E00": "#F0E442",
    "#00366B": "#8A7BFF",
    "#5E2A84": "#D9C2FF",
    "#FAFAFA": "#242A30",
    "#E3E3E3": "#434B53",
    "#FDF3EC": "#332722",
    "#EBC9B3": "#6B4A38",
}
"""What a colour is on a dark page; the others are the same on both."""

MIDDLE = {"#7A4E00": "#A67C00", "#00366B": "#6B74D6", "#5E2A84": "#A05FD0"}
"""What a colour of the palette is where it is drawn as pixels, which are the same on both pages; the others
stand out from both."""
