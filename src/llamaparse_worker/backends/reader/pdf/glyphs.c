/* All characters of one PDFium text page in one call: what glyphs.py does in Python, with equal results.
 *
 * Knows neither Python nor the C library: the caller passes the addresses of PDFium's functions and all memory.
 * Built by config/compile.py; VERSION must change with the meaning of anything here (see compiled.py).
 */
#include <stdint.h>

#define VERSION 5

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

typedef struct { float left, top, right, bottom; } Rectangle;
typedef struct { float a, b, c, d, e, f; } Matrix;
typedef uintptr_t Handle;

/* The order is that of FUNCTIONS in compiled.py. */
typedef struct {
    unsigned int (*unicode)(Handle text_page, int index);
    int (*box)(Handle text_page, int index, Rectangle *rectangle);
    Handle (*object)(Handle text_page, int index);
    int (*matrix)(Handle text_page, int index, Matrix *matrix);
    double (*font_size)(Handle text_page, int index);
    Handle (*font)(Handle object);
    int (*render_mode)(Handle object);
    int (*colour)(Handle object, unsigned *red, unsigned *green, unsigned *blue, unsigned *alpha);
} Functions;

/* One place a character in each array. */
typedef struct {
    uint32_t *codes;
    Rectangle *boxes;
    Handle *objects;
    float *sizes;
    uint16_t *fonts;
    uint8_t *traits;
    uint8_t *colours; /* places in `colour_table`, which has COLOURS of them: the last stands for all further colours */
    uint32_t *colour_table;
} Glyphs;

enum { COLOURS = 256, BLACK = 0xFF };
enum { DOWNWARD = 1, BACKWARD = 2, DIAGONAL = 4, HIDDEN = 8 };
enum { MODE_INVISIBLE = 3, MODE_CLIP = 7, END_OF_UNICODE = 0x110000, REPLACEMENT = 0xFFFD };

static const double STRAIGHT = 0.09;

static double magnitude(double value) { return value < 0 ? -value : value; }

static float number(float value) {
    return value - value == 0 ? value : 0;
}

static uint8_t direction(double a, double b) {
    if (magnitude(b) <= STRAIGHT * magnitude(a)) return a >= 0 ? 0 : BACKWARD;
    if (magnitude(a) <= STRAIGHT * magnitude(b)) return b < 0 ? DOWNWARD : DOWNWARD | BACKWARD;
    return DIAGONAL;
}

/* Gives the place of a font among those seen so far, which a new one is put behind as long as there is room. */
static int place_of(Handle font, Handle *fonts, int *known, int room) {
    for (int place = *known - 1; place >= 0; place--)
        if (fonts[place] == font) return place;
    if (*known == room) return 0;
    fonts[*known] = font;
    return (*known)++;
}

/* Gives the place of the colour that an object is filled with, as red, green, blue and alpha in one number. */
static uint8_t place_of_colour(const Functions *pdfium, Handle object, uint32_t *colours, int *known) {
    unsigned red = 0, green = 0, blue = 0, alpha = 0;
    const int found = pdfium->colour(object, &red, &green, &blue, &alpha);
    const uint32_t colour = found ? (red & 255) << 24 | (green & 255) << 16 | (blue & 255) << 8 | (alpha & 255) : BLACK;
    for (int place = *known - 1; place >= 0; place--)
        if (colours[place] == colour) return (uint8_t)place;
    if (*known == COLOURS) return COLOURS - 1;
    colours[*known] = colour;
    return (uint8_t)(*known)++;
}

/* Whether a code is a character that a text may have: no control, half of a pair or noncharacter. */
static int is_clean(unsigned int code) {
    if (code < 0x7F) return code >= 0x20 || code == '\t' || code == '\n' || code == '\r';
    if (code < 0x10000) return code >= 0xA0 && code < 0xFFFE && !(code >= 0xD800 && code < 0xE000)
        && !(code >= 0xFDD0 && code < 0xFDF0);
    return code < 0x10FFFE;
}

EXPORTED int glyphs_version(void) { return VERSION; }

/* Fills all arrays and `font_table`, which has `room` places; gives the number of fonts, that of colours in `colours`,
 * and in `unclean` how many of the codes no text may have. */
EXPORTED int glyphs_read(
    const Functions *pdfium, Handle text_page, int count, const Glyphs *glyphs, Handle *font_table, int room,
    int *colours, int *unclean
) {
    int known = 0;
    *colours = *unclean = 0;
    Handle before = 0;
    float size = 0;
    uint16_t font = 0;
    uint8_t traits = 0, colour = 0;
    for (int index = 0; index < count; index++) {
        const unsigned int code = pdfium->unicode(text_page, index);
        glyphs->codes[index] = code > 0 && code < END_OF_UNICODE ? code : REPLACEMENT;
        *unclean += !is_clean(glyphs->codes[index]);

        const Handle object = pdfium->object(text_page, index);
        glyphs->objects[index] = object;
        if (object && object != before) {
            Matrix matrix = {1, 0, 0, 1, 0, 0};
            const Handle handle = pdfium->font(object);
            const int found = pdfium->matrix(text_page, index, &matrix);
            const double c = matrix.c, d = matrix.d;
            const double scale = found ? __builtin_sqrt(c * c + d * d) : 1;
            const int mode = pdfium->render_mode(object);
            size = (float)(magnitude(pdfium->font_size(text_page, index)) * scale);
            font = handle ? (uint16_t)place_of(handle, font_table, &known, room) : 0;
            traits = found ? direction(matrix.a, matrix.b) : 0;
            if (mode == MODE_INVISIBLE || mode == MODE_CLIP) traits |= HIDDEN;
            colour = place_of_colour(pdfium, object, glyphs->colour_table, colours);
        }
        before = object;
        glyphs->sizes[index] = size;
        glyphs->fonts[index] = font;
        glyphs->traits[index] = traits;
        glyphs->colours[index] = colour;

        Rectangle box = {0, 0, 0, 0};
        pdfium->box(text_page, index, &box);
        box.left = number(box.left);
        box.top = number(box.top);
        box.right = object ? number(box.right) : box.left;
        box.bottom = number(box.bottom);
        glyphs->boxes[index] = box;
    }
    return known;
}

static float lesser(float one, float other) { return one <= other || one != one ? one : other; }
static float larger(float one, float other) { return one >= other || one != one ? one : other; }

/* Maps boxes of left, top, right, bottom to points from the top left of a page that lies within `bounds` and is shown
 * turned by so many quarters: fills `mapped` with x0, y0, x1, y1. */
EXPORTED void glyphs_displayed(
    const Rectangle *boxes, int count, const Rectangle *bounds, int quarters, Rectangle *mapped
) {
    for (int index = 0; index < count; index++) {
        const Rectangle box = boxes[index];
        const float x0 = lesser(box.left, box.right), x1 = larger(box.left, box.right);
        const float y0 = lesser(box.top, box.bottom), y1 = larger(box.top, box.bottom);
        Rectangle made;
        switch (quarters) {
        case 1:
            made = (Rectangle){y0 - bounds->bottom, x0 - bounds->left, y1 - bounds->bottom, x1 - bounds->left};
            break;
        case 2:
            made = (Rectangle){bounds->right - x1, y0 - bounds->bottom, bounds->right - x0, y1 - bounds->bottom};
            break;
        case 3:
            made = (Rectangle){bounds->top - y1, bounds->right - x1, bounds->top - y0, bounds->right - x0};
            break;
        default:
            made = (Rectangle){x0 - bounds->left, bounds->top - y1, x1 - bounds->left, bounds->top - y0};
        }
        mapped[index] = made;
    }
}

/* Fills `members` with what an owner gives for each index. */
EXPORTED void glyphs_members(Handle (*member)(Handle owner, int index), Handle owner, int count, Handle *members) {
    for (int index = 0; index < count; index++) members[index] = member(owner, index);
}

/* Fills `answers` with what a function says of each handle. */
EXPORTED void glyphs_answers(int (*function)(Handle handle), const Handle *handles, int count, int *answers) {
    for (int index = 0; index < count; index++) answers[index] = function(handles[index]);
}
