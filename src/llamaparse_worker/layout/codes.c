/* What is asked of all characters of a text at once: what codes.py, inline.py and joining.py ask in Python, with equal results. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#define VERSION 5

enum { FIRST_HALF = 0xD800, BEHIND_HALVES = 0xE000, REPLACEMENT = '?' };
enum { FIRST_SWITCH = 0xFDD0, LAST_SWITCH = 0xFDEF, FIRST_LETTER = 0x21, LAST_LETTER = 0x530 };
enum { CODE = 4, BEHIND_BITS = 32, ASCII = 128 };
enum { SOFT_HYPHEN = 0xAD, LEAST_TELLING_SIGN = 0x2010, MOST_SWITCHES = 32 };

/* A part of a text that is set in one look. */
typedef struct {
    Py_ssize_t start, end;
    unsigned look;
} Part;

/* A text without its switches, and its parts in order. */
typedef struct {
    Py_UCS4 *codes;
    Part *parts;
    Py_ssize_t length, count;
} Parted;

/* Gives the code at a place; halves of pairs stand as a question mark, as where a text is encoded. */
static Py_UCS4 code_at(int kind, const void *data, Py_ssize_t place) {
    const Py_UCS4 code = PyUnicode_READ(kind, data, place);
    return code >= FIRST_HALF && code < BEHIND_HALVES ? REPLACEMENT : code;
}

static PyObject *count_visible(PyObject *module, PyObject *text) {
    (void)module;
    if (!PyUnicode_Check(text)) return PyErr_Format(PyExc_TypeError, "a text is needed");
    const int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    const Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    Py_ssize_t visible = 0;
    for (Py_ssize_t place = 0; place < length; place++) visible += !Py_UNICODE_ISSPACE(code_at(kind, data, place));
    return PyLong_FromSsize_t(visible);
}

static Py_ssize_t count_from(int kind, const void *data, Py_ssize_t length, Py_UCS4 least) {
    Py_ssize_t count = 0;
    for (Py_ssize_t place = 0; place < length; place++) count += code_at(kind, data, place) >= least;
    return count;
}

static PyObject *signs_from(PyObject *module, PyObject *arguments) {
    PyObject *text;
    unsigned int least;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "UI", &text, &least)) return NULL;
    const int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    const Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    if (PyUnicode_MAX_CHAR_VALUE(text) < least) return PyUnicode_FromStringAndSize(NULL, 0);
    const Py_ssize_t count = count_from(kind, data, length, least);
    Py_UCS4 *found = PyMem_New(Py_UCS4, count ? count : 1);
    if (!found) return PyErr_NoMemory();
    for (Py_ssize_t place = 0, next = 0; next < count; place++) {
        const Py_UCS4 code = code_at(kind, data, place);
        if (code >= least) found[next++] = code;
    }
    PyObject *made = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, found, count);
    PyMem_Free(found);
    return made;
}

static PyObject *count_among(PyObject *module, PyObject *arguments) {
    PyObject *text;
    const unsigned char *signs;
    Py_ssize_t sign_count, found = 0;
    char is_sign[ASCII] = {0};
    (void)module;
    if (!PyArg_ParseTuple(arguments, "Uy#", &text, &signs, &sign_count)) return NULL;
    for (Py_ssize_t index = 0; index < sign_count; index++)
        if (signs[index] < ASCII) is_sign[signs[index]] = 1;
    const int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    for (Py_ssize_t place = 0; place < PyUnicode_GET_LENGTH(text); place++) {
        const Py_UCS4 code = PyUnicode_READ(kind, data, place);
        found += code < ASCII && is_sign[code];
    }
    return PyLong_FromSsize_t(found);
}

static PyObject *alphanumeric(PyObject *module, PyObject *text) {
    (void)module;
    if (!PyUnicode_Check(text)) return PyErr_Format(PyExc_TypeError, "a text is needed");
    const int kind = PyUnicode_KIND(text);
    const void *data = PyUnicode_DATA(text);
    const Py_ssize_t length = PyUnicode_GET_LENGTH(text);
    Py_UCS4 *kept = PyMem_New(Py_UCS4, length + 1);
    Py_ssize_t count = 0;
    if (!kept) return PyErr_NoMemory();
    for (Py_ssize_t place = 0; place < length; place++) {
        const Py_UCS4 code = PyUnicode_READ(kind, data, place);
        if (Py_UNICODE_ISALNUM(code)) kept[count++] = code;
    }
    PyObject *made = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, kept, count);
    PyMem_Free(kept);
    return made;
}

static int is_switch(Py_UCS4 code) { return code >= FIRST_SWITCH && code <= LAST_SWITCH; }

/* Parts a rich text, for which there must be room; looks are given without the bits of the body. */
static void part(PyObject *rich, unsigned body, Parted *parted) {
    const int kind = PyUnicode_KIND(rich);
    const void *data = PyUnicode_DATA(rich);
    unsigned look = 0;
    for (Py_ssize_t place = 0; place < PyUnicode_GET_LENGTH(rich); place++) {
        const Py_UCS4 code = PyUnicode_READ(kind, data, place);
        if (is_switch(code)) {
            look = code - FIRST_SWITCH;
            continue;
        }
        if (!place || is_switch(PyUnicode_READ(kind, data, place - 1)))
            parted->parts[parted->count++] = (Part){parted->length, parted->length, look & ~body};
        parted->codes[parted->length++] = code;
        parted->parts[parted->count - 1].end = parted->length;
    }
}

static int is_blank(const Parted *parted, Py_ssize_t start, Py_ssize_t end) {
    for (Py_ssize_t place = start; place < end; place++)
        if (!Py_UNICODE_ISSPACE(parted->codes[place])) return 0;
    return 1;
}

/* Marks of a sentence that stand at a part of it without a space between; 0 ends them. */
static const Py_UCS4 OPENING[] = {'(', '[', '{', 0x201C, 0x2018, 0x201E, 0xAB, 0};
static const Py_UCS4 CLOSING[] = {'.', ',', ':', ';', '!', ')', ']', '}', 0x201D, 0x2019, 0xBB, 0};

static int is_among(Py_UCS4 code, const Py_UCS4 *marks) {
    while (*marks && *marks != code) marks++;
    return *marks != 0;
}

/* Whether something stands at a part without a space between, but for such marks. */
static int touches(const Parted *parted, Py_ssize_t start, Py_ssize_t end) {
    if (start > 0) {
        const Py_UCS4 before = parted->codes[start - 1];
        if (!Py_UNICODE_ISSPACE(before) && !is_among(before, OPENING)) return 1;
    }
    if (end >= parted->length) return 0;
    const Py_UCS4 after = parted->codes[end];
    return !Py_UNICODE_ISSPACE(after) && !is_among(after, CLOSING);
}

/* Whether a part of fixed pitch is code: letters of Chinese and Japanese always have one pitch, and marks at a word may
 * come from another font than it. */
static int is_code(const Parted *parted, Py_ssize_t start, Py_ssize_t end) {
    int letters = 0, words = 0;
    for (Py_ssize_t place = start; place < end && !(letters && words); place++) {
        const Py_UCS4 code = parted->codes[place];
        letters |= code >= FIRST_LETTER && code <= LAST_LETTER;
        words |= Py_UNICODE_ISALNUM(code);
    }
    return letters && (words || !touches(parted, start, end));
}

/* Appends start, end and bit of a part that has one trait, without white space at its ends; 0 with an error. */
static int add_span(const Parted *parted, Py_ssize_t start, Py_ssize_t end, unsigned bit, PyObject *spans) {
    while (start < end && Py_UNICODE_ISSPACE(parted->codes[start])) start++;
    while (start < end && Py_UNICODE_ISSPACE(parted->codes[end - 1])) end--;
    if (start == end || (bit == CODE && !is_code(parted, start, end))) return 1;
    PyObject *span = Py_BuildValue("nnI", start, end, bit);
    const int added = span && PyList_Append(spans, span) == 0;
    Py_XDECREF(span);
    return added;
}

/* Appends the parts that have one trait; white space between two of them belongs to them. */
static int add_spans(const Parted *parted, unsigned bit, PyObject *spans) {
    Py_ssize_t start = -1, end = -1;
    for (Py_ssize_t index = 0; index < parted->count; index++) {
        const Part part = parted->parts[index];
        if (!(part.look & bit)) continue;
        if (start >= 0 && !is_blank(parted, end, part.start)) {
            if (!add_span(parted, start, end, bit, spans)) return 0;
            start = -1;
        }
        if (start < 0) start = part.start;
        end = part.end;
    }
    return start < 0 || add_span(parted, start, end, bit, spans);
}

static PyObject *text_and_spans(const Parted *parted) {
    unsigned every = 0;
    for (Py_ssize_t index = 0; index < parted->count; index++) every |= parted->parts[index].look;
    PyObject *spans = PyList_New(0);
    for (unsigned bit = 1; spans && bit < BEHIND_BITS; bit *= 2)
        if (every & bit && !add_spans(parted, bit, spans)) Py_CLEAR(spans);
    PyObject *text = spans ? PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, parted->codes, parted->length) : NULL;
    if (text) return Py_BuildValue("NN", text, spans);
    Py_XDECREF(spans);
    return NULL;
}

static PyObject *set_apart(PyObject *module, PyObject *arguments) {
    PyObject *rich, *made;
    unsigned body;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "UI", &rich, &body)) return NULL;
    const size_t room = (size_t)PyUnicode_GET_LENGTH(rich) + 1;
    Parted parted = {PyMem_New(Py_UCS4, room), PyMem_New(Part, room), 0, 0};
    if (parted.codes && parted.parts) {
        part(rich, body, &parted);
        made = text_and_spans(&parted);
    } else {
        made = PyErr_NoMemory();
    }
    PyMem_Free(parted.codes);
    PyMem_Free(parted.parts);
    return made;
}

/* How a line ends: where its switches of look begin, and its last character before them. */
typedef struct {
    Py_ssize_t behind;
    Py_UCS4 last;
} Ending;

/* Finds how a line ends; 0 where only joining.py can tell how it goes on. */
static int read_ending(PyObject *line, Ending *ending) {
    const Py_ssize_t length = PyUnicode_GET_LENGTH(line);
    const int kind = PyUnicode_KIND(line);
    const void *data = PyUnicode_DATA(line);
    ending->behind = length;
    while (ending->behind > 0 && is_switch(PyUnicode_READ(kind, data, ending->behind - 1))) ending->behind--;
    if (ending->behind < 2 || length - ending->behind > MOST_SWITCHES) return 0;
    ending->last = PyUnicode_READ(kind, data, ending->behind - 1);
    return ending->last < LEAST_TELLING_SIGN && !strchr("-/_\n", ending->last < ASCII ? (int)ending->last : 'a');
}

/* Appends a part of a line, in which each soft hyphen shows as the hyphen that the page prints. */
static Py_UCS4 *append(Py_UCS4 *to, PyObject *line, Py_ssize_t start, Py_ssize_t end) {
    const int kind = PyUnicode_KIND(line);
    const void *data = PyUnicode_DATA(line);
    for (Py_ssize_t place = start; place < end; place++) {
        const Py_UCS4 code = PyUnicode_READ(kind, data, place);
        *to++ = code == SOFT_HYPHEN ? '-' : code;
    }
    return to;
}

/* Joins lines, for which there must be room; gives the end of the text, 0 where it is left to Python. */
static Py_UCS4 *append_all(Py_UCS4 *to, PyObject *const *lines, Py_ssize_t count) {
    for (Py_ssize_t index = 0; index < count; index++) {
        const Py_ssize_t length = PyUnicode_GET_LENGTH(lines[index]);
        Ending ending;
        if (index == count - 1) return append(to, lines[index], 0, length);
        if (!read_ending(lines[index], &ending)) return NULL;
        const int divides = ending.last == SOFT_HYPHEN;
        to = append(to, lines[index], 0, divides ? ending.behind - 1 : ending.behind);
        to = append(to, lines[index], ending.behind, length);
        if (!divides) *to++ = ' ';
    }
    return to;
}

static PyObject *joined(PyObject *module, PyObject *lines) {
    Py_ssize_t room = 1;
    (void)module;
    if (!PyList_Check(lines)) return PyErr_Format(PyExc_TypeError, "a list of texts is needed");
    const Py_ssize_t count = PyList_GET_SIZE(lines);
    if (!count) Py_RETURN_NONE;
    for (Py_ssize_t index = 0; index < count; index++) {
        PyObject *line = PyList_GET_ITEM(lines, index);
        if (!PyUnicode_Check(line)) return PyErr_Format(PyExc_TypeError, "a list of texts is needed");
        room += PyUnicode_GET_LENGTH(line) + 1;
    }
    Py_UCS4 *text = PyMem_New(Py_UCS4, room);
    if (!text) return PyErr_NoMemory();
    const Py_UCS4 *end = append_all(text, PySequence_Fast_ITEMS(lines), count);
    PyObject *made = end ? PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, text, end - text) : Py_NewRef(Py_None);
    PyMem_Free(text);
    return made;
}

static PyMethodDef functions[] = {
    {"count_visible", count_visible, METH_O, "Count the characters of a text that are no white space."},
    {"alphanumeric", alphanumeric, METH_O, "Give the letters and digits of a text."},
    {"count_among", count_among, METH_VARARGS, "Count the characters of a text that are among these of ASCII."},
    {"joined", joined, METH_O, "Join lines of text; None where that is left to Python."},
    {"set_apart", set_apart, METH_VARARGS, "Give a rich text without its switches, and what is set apart in it."},
    {"signs_from", signs_from, METH_VARARGS, "Give, in order, the characters whose code is so large or larger."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_codes", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__codes(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "VERSION", VERSION) < 0) Py_CLEAR(module);
    return module;
}
