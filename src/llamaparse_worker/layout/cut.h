/* The characters of one page to runs of text on one line: what cut.py does with numpy, with equal results. For segments.c.
 *
 * The caller passes all memory. Arithmetic is that of the arrays: 32 bits for boxes and sizes, 64 bits for sums.
 */
#ifndef CUT_H
#define CUT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

typedef struct { float x0, y0, x1, y1; } Box;
typedef struct { double at, start, end; } Rule;

/* What the letters of a font tell of its pitch. */
typedef struct {
    uint64_t shown;
    int64_t count, alike;
    double width;
} Pitch;

typedef struct {
    const Py_UCS4 *codes;
    const Box *boxes;
    const float *sizes;
    const uint16_t *fonts;
    const int32_t *owners;      /* of each character; 0 where the page has no structure */
    const Rule *rules;          /* upright ones, from left to right */
    uint8_t *looks;             /* of each font; fixed pitch is found here */
    Pitch *pitches;             /* of each font, all zero */
    double width, height;
    Py_ssize_t count, rule_count, font_count;
} Page;

enum { MOST_HALF_POINTS = 2000 };

/* The visible characters of a page. */
typedef struct {
    int32_t *places; /* in the text */
    float *sizes;
    uint8_t *looks;
    Py_ssize_t count;
    Py_ssize_t bold, italic, code;             /* how many are */
    Py_ssize_t of_sizes[MOST_HALF_POINTS + 1]; /* how many are so many half points large, or that and larger */
    Py_ssize_t largest;                        /* in half points */
} Ink;

/* Visible characters that go on with each other; `end` is behind the last one. */
typedef struct {
    Py_ssize_t start, end;
    int32_t first, last; /* in the text, the last one excluded */
    int owner;
    double sides[4], size; /* rounded to two decimals */
    int traits;            /* bits of the looks that most characters have, SIDEWAYS and UNTIDY */
    uint8_t looks;         /* bits that any of its characters has */
    int is_spaced;         /* whether any of its spaces may be a gap */
} Run;

enum { BOLD = 1, ITALIC = 2, CODE = 4, RAISED = 8, LOWERED = 16, SIDEWAYS = 32, UNTIDY = 64 };
enum { LETTERS = 62, FIRST_LETTER = 0x41, LAST_LETTER = 0x7E, FEW_LETTERS = 4, LEAST_LETTERS = 8 };
enum { ZERO_WIDTH_SPACE = 0x200B };
enum { GENERAL_WAY = 1, DONE = 0 };

static const float WIDE_GAP_EM = 0.7f, GAP_EM = 0.36f, SAME_LINE_OVERLAP = 0.4f, BACKWARD_EM = 0.5f;
static const float SMALL = 0.85f, RAISED_SHARE = 0.28f, LOWERED_SHARE = 0.35f, NEAR_EDGE = 0.2f, SAME_WIDTH = 0.03f;
static const double MOST = 0.8, NEAR = 1.35, MOSTLY_EVEN = 0.93;
static const float NEAR_INK = 1.5f;

static float lesser(float one, float other) { return one < other ? one : other; }
static float greater(float one, float other) { return one > other ? one : other; }
static float magnitude(float value) { return value < 0 ? -value : value; }
static int is_number(float value) { return value - value == 0; }

/* Rounds to a whole number, half to even, as Python and numpy do; too large ones are whole. */
static double whole(double value) {
    const double shift = 6755399441055744.0; /* 1.5 * 2^52: adding it leaves no binary places */
    return value > 1e15 || value < -1e15 ? value : (value + shift) - shift;
}

static double hundredths(double value) {
    const double scaled = value * 100;
    return scaled > 1e15 || scaled < -1e15 ? value : whole(scaled) / 100;
}

static int is_space(Py_UCS4 code) {
    if (code > ' ' && code <= LAST_LETTER) return 0; /* as most are */
    return code < ' ' || code == ZERO_WIDTH_SPACE || Py_UNICODE_ISSPACE(code);
}

/* Counts a visible character towards the widths of its font's letters. */
static void measure(const Page *page, Py_ssize_t place) {
    const Py_UCS4 code = page->codes[place];
    if (code < FIRST_LETTER || code > LAST_LETTER) return;
    const Box box = page->boxes[place];
    Pitch *pitch = &page->pitches[page->fonts[place]];
    const float width = (box.x1 - box.x0) / greater(page->sizes[place], 1);
    if (!pitch->count++) pitch->width = (double)width;
    pitch->alike += magnitude(width - (float)pitch->width) < SAME_WIDTH * (float)pitch->width;
    pitch->shown |= (uint64_t)1 << (code - FIRST_LETTER);
}

static void add_ink(Ink *ink, Py_ssize_t place, float size) {
    const float half_points = size * 2 + 0.5f;
    const Py_ssize_t count = half_points < MOST_HALF_POINTS ? (Py_ssize_t)half_points : MOST_HALF_POINTS;
    ink->of_sizes[count]++;
    if (count > ink->largest) ink->largest = count;
    ink->places[ink->count] = (int32_t)place;
    ink->sizes[ink->count++] = size;
}

/* Gathers what is ink and stands on the page; characters beyond its right edge, and odd arrays, need the general way. */
static int gather(const Page *page, Ink *ink) {
    Py_ssize_t beyond = 0;
    const float width = (float)page->width, height = (float)page->height;
    ink->count = 0;
    for (Py_ssize_t index = 0; index < page->count; index++) {
        if (is_space(page->codes[index])) continue;
        const Box box = page->boxes[index];
        const float size = page->sizes[index];
        if (!is_number(box.x0 + box.y0 + box.x1 + box.y1) || !is_number(size)) return GENERAL_WAY;
        if (page->fonts[index] >= page->font_count) return GENERAL_WAY;
        if (!(box.y1 > 0 && box.y0 < height)) continue;
        if (box.x0 >= width) beyond++;
        if (!(box.x1 > 0 && box.x0 < width)) continue;
        add_ink(ink, index, size > 0 ? size : greater(box.y1 - box.y0, 1));
        measure(page, index);
    }
    return beyond && ink->count ? GENERAL_WAY : DONE;
}

static uint64_t letter(char code) { return (uint64_t)1 << (code - FIRST_LETTER); }

static int is_telling(uint64_t shown) {
    uint64_t narrow = 0, wide = 0;
    for (const char *at = "iljtfrI"; *at; at++) narrow |= letter(*at);
    for (const char *at = "mwMW"; *at; at++) wide |= letter(*at);
    int different = 0;
    for (uint64_t left = shown; left; left &= left - 1) different++;
    return different >= LEAST_LETTERS || ((shown & narrow) && (shown & wide));
}

/* Marks fonts of fixed pitch by the widths of their letters. */
static void find_fixed_pitch(const Page *page) {
    for (Py_ssize_t font = 0; font < page->font_count; font++) {
        const Pitch *pitch = &page->pitches[font];
        if (pitch->count >= FEW_LETTERS && (double)pitch->alike > MOSTLY_EVEN * (double)pitch->count
            && is_telling(pitch->shown))
            page->looks[font] |= CODE;
    }
}

static int is_wide(Box box) { return box.x1 - box.x0 > box.y1 - box.y0; }

/* Tells whether an upright line stands between a character and the next one. */
static int is_parted(const Page *page, Box before, Box after) {
    const double from = (double)(before.x1 - NEAR_INK), to = (double)(after.x0 + NEAR_INK);
    Py_ssize_t low = 0, high = page->rule_count;
    while (low < high) {
        const Py_ssize_t middle = (low + high) / 2;
        if (page->rules[middle].at < from) low = middle + 1;
        else high = middle;
    }
    const float left = (before.x0 + before.x1) / 2, right = (after.x0 + after.x1) / 2;
    const float y = (after.y0 + after.y1) / 2;
    for (; low < page->rule_count && page->rules[low].at < to; low++) {
        const Rule rule = page->rules[low];
        const float at = (float)rule.at;
        if (left < at && at < right && (float)rule.start <= y && y <= (float)rule.end) return 1;
    }
    return 0;
}

static int owner_of(const Page *page, int32_t place) { return page->owners ? page->owners[place] : -1; }

/* Tells whether a character goes on with one that it does not stand beside. */
static int goes_on_sideways(Box before, Box after, float down, float size) {
    const float across = lesser(before.x1, after.x1) - greater(before.x0, after.x0);
    const float width = lesser(before.x1 - before.x0, after.x1 - after.x0);
    if (is_wide(before) && is_wide(after) && across >= SAME_LINE_OVERLAP * width && -down <= WIDE_GAP_EM * size) return 1;
    /* The letters of a ligature share its box. */
    return before.x0 == after.x0 && before.y0 == after.y0 && before.x1 == after.x1 && before.y1 == after.y1;
}

/* Tells whether a visible character goes on with the run of the one before it. */
static int goes_on(const Page *page, const Ink *ink, Py_ssize_t index) {
    const int32_t one = ink->places[index - 1], other = ink->places[index];
    const Box before = page->boxes[one], after = page->boxes[other];
    const float size = greater(ink->sizes[index - 1], ink->sizes[index]);
    const float down = lesser(before.y1, after.y1) - greater(before.y0, after.y0);
    const float height = lesser(before.y1 - before.y0, after.y1 - after.y0);
    const float ahead = after.x0 - before.x1;
    const int upright = down >= SAME_LINE_OVERLAP * height && ahead <= WIDE_GAP_EM * size && ahead >= -BACKWARD_EM * size;
    return (upright || goes_on_sideways(before, after, down, size)) && owner_of(page, one) == owner_of(page, other)
        && !(page->rule_count && is_parted(page, before, after));
}

/* Marks what stands higher or lower than the line of its run, in type smaller than ``least``. */
static void mark_shifted(const Page *page, Ink *ink, Run *run, float least) {
    const float far = __builtin_inff();
    float top = far, bottom = -far;
    for (Py_ssize_t index = run->start; index < run->end; index++) {
        const Box box = page->boxes[ink->places[index]];
        if (ink->sizes[index] < least) continue;
        top = lesser(top, box.y0);
        bottom = greater(bottom, box.y1);
    }
    const float height = bottom - top;
    for (Py_ssize_t index = run->start; index < run->end; index++) {
        const Box box = page->boxes[ink->places[index]];
        if (!(ink->sizes[index] < least) || ink->looks[index] & CODE) continue;
        if (box.y0 - top > LOWERED_SHARE * height && box.y1 - bottom > -NEAR_EDGE * height)
            ink->looks[index] |= LOWERED;
        else if (bottom - box.y1 > RAISED_SHARE * height && box.y0 - top < NEAR_EDGE * height)
            ink->looks[index] |= RAISED;
        run->looks |= ink->looks[index];
    }
}

/* Tells whether the space behind a character within a run is wider than those between words mostly are. */
static int is_gap(const Page *page, const Ink *ink, Py_ssize_t index) {
    const Box before = page->boxes[ink->places[index]], after = page->boxes[ink->places[index + 1]];
    const float size = greater(ink->sizes[index], ink->sizes[index + 1]);
    return after.x0 - before.x1 > GAP_EM * size && !is_wide(after)
        && !(ink->looks[index] & ink->looks[index + 1] & CODE);
}

/* Tells whether there is other white space than single spaces between two places of the text that are ink. */
static int is_untidy(const Page *page, int32_t first, int32_t last) {
    for (int32_t place = first + 1; place < last; place++)
        if (is_space(page->codes[place]) && (page->codes[place] != ' ' || is_space(page->codes[place + 1])))
            return 1;
    return 0;
}

/* Says how most characters of a run look and where it stands, and marks what is shifted within it. */
static void describe(const Page *page, Ink *ink, Run *run) {
    const Py_ssize_t count = run->end - run->start;
    run->first = ink->places[run->start];
    run->last = ink->places[run->end - 1] + 1;
    run->owner = owner_of(page, run->first);
    run->looks = 0;
    run->is_spaced = 0;
    Box around = page->boxes[run->first], before = around;
    Py_ssize_t bold = 0, italic = 0, code = 0, wide = 0;
    int untidy = 0;
    double sum = 0;
    float largest = ink->sizes[run->start], least = largest;
    for (Py_ssize_t index = run->start, place = run->first; index < run->end; index++) {
        const Box box = page->boxes[ink->places[index]];
        const float size = ink->sizes[index];
        around.x0 = lesser(around.x0, box.x0);
        around.y0 = lesser(around.y0, box.y0);
        around.x1 = greater(around.x1, box.x1);
        around.y1 = greater(around.y1, box.y1);
        sum += (double)size;
        largest = greater(largest, size);
        least = lesser(least, size);
        const uint8_t look = ink->looks[index] = page->looks[page->fonts[ink->places[index]]];
        run->looks |= look;
        bold += (look & BOLD) != 0;
        italic += (look & ITALIC) != 0;
        code += (look & CODE) != 0;
        wide += is_wide(box);
        run->is_spaced |= box.x0 - before.x1 > GAP_EM * size;
        if (ink->places[index] > place + 1) untidy |= is_untidy(page, (int32_t)place, ink->places[index]);
        before = box;
        place = ink->places[index];
    }
    ink->bold += bold;
    ink->italic += italic;
    ink->code += code;
    const double mean = sum / (double)count, most = MOST * (double)count;
    run->sides[0] = hundredths((double)around.x0);
    run->sides[1] = hundredths((double)around.y0);
    run->sides[2] = hundredths((double)around.x1);
    run->sides[3] = hundredths((double)around.y1);
    run->size = hundredths((double)largest < NEAR * mean ? (double)largest : mean);
    /* A dash alone is wider than high, and yet upright. */
    run->traits = ((double)bold > most ? BOLD : 0) | ((double)italic > most ? ITALIC : 0)
        | ((double)code > most ? CODE : 0) | (count > 1 && (double)wide > most ? SIDEWAYS : 0)
        | (untidy ? UNTIDY : 0);
    if (least < SMALL * largest) mark_shifted(page, ink, run, SMALL * largest);
}

/* Fills `ink`; gives GENERAL_WAY, with nothing of use in it, for a page that only cut.py can read. */
static int find_ink(const Page *page, Ink *ink) {
    if (gather(page, ink) == GENERAL_WAY) return GENERAL_WAY;
    find_fixed_pitch(page);
    return DONE;
}

/* Finds the run behind another one, or the first where that is all zero; 0 if there is none. */
static int next_run(const Page *page, Ink *ink, Run *run) {
    if (run->end >= ink->count) return 0;
    run->start = run->end++;
    while (run->end < ink->count && goes_on(page, ink, run->end)) run->end++;
    describe(page, ink, run);
    return 1;
}

#endif
