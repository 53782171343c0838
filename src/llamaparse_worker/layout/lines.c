/* Makes lines of segments, gives them as results carry them, and finds how far apart they are: what lines.py does in Python,
 * with equal results.
 *
 * Sides and sizes that are no numbers with a fraction are left to Python.
 */
#include "../model/kinds.h"

#include <math.h>

#define VERSION 1

enum { TEXT, X0, Y0, X1, Y1, SIZE, BOLD, MONOSPACED, ITALIC, RICH, FIELDS };
enum { BOX_FIELDS = 4, LINE_FIELDS = 2, SOFT_HYPHEN = 0xAD, LEAST_PITCHES = 2 };

static const double TOUCHING_EM = 0.12, MOST_PITCH_EM = 2.5, USUAL_PITCH_EM = 1.25, MOST_SINGLE_EM = 2;

static Kind segment_kind, text_line_kind, line_kind, box_kind;
static PyObject *no_text, *space, *hyphen, *soft_hyphen;

/* A distance between two lines. */
typedef struct {
    double key, second;
} Item;

#include "sorting.h"

/* Segments on one line, all of the kind. */
typedef struct {
    PyObject *const *segments;
    Py_ssize_t count;
} Row;

static PyObject *of_segment(PyObject *segment, int field) { return field_of(&segment_kind, segment, field); }

/* Whether a field of all segments is there, and a number with a fraction if it is one of those; -1 with an error. */
static int is_usual(const Row *row) {
    for (Py_ssize_t index = 0; index < row->count; index++) {
        if (!is_of(&segment_kind, row->segments[index])) return -1;
        for (int field = 0; field < FIELDS; field++) {
            PyObject *value = of_segment(row->segments[index], field);
            if (!value) return -1;
            if (field >= X0 && field <= SIZE && !PyFloat_CheckExact(value)) return 0;
            if ((field == TEXT || field == RICH) && !PyUnicode_Check(value)) return 0;
        }
    }
    return 1;
}

static double number_of(PyObject *segment, int field) { return PyFloat_AS_DOUBLE(of_segment(segment, field)); }

/* Gives the least or largest of a side, a borrowed reference; the first of several. */
static PyObject *outermost(const Row *row, int field, int largest) {
    PyObject *found = row->segments[0];
    for (Py_ssize_t index = 1; index < row->count; index++) {
        const double here = number_of(row->segments[index], field), so_far = number_of(found, field);
        if (largest ? here > so_far : here < so_far) found = row->segments[index];
    }
    return of_segment(found, field);
}

static PyObject *longest(const Row *row) {
    PyObject *found = row->segments[0];
    for (Py_ssize_t index = 1; index < row->count; index++)
        if (PyUnicode_GET_LENGTH(of_segment(row->segments[index], TEXT)) > PyUnicode_GET_LENGTH(of_segment(found, TEXT)))
            found = row->segments[index];
    return found;
}

/* Gives a new reference to whether all have a trait; 0 with an error. */
static PyObject *whether_all(const Row *row, int field) {
    int all = 1;
    for (Py_ssize_t index = 0; all > 0 && index < row->count; index++)
        all = PyObject_IsTrue(of_segment(row->segments[index], field));
    return all < 0 ? NULL : PyBool_FromLong(all);
}

/* Joins texts with a space, except where letters touch; rich ones where there are any, if `rich` is set. */
static PyObject *joined(const Row *row, int rich) {
    PyObject *parts = PyList_New(0);
    for (Py_ssize_t index = 0; parts && index < row->count; index++) {
        PyObject *segment = row->segments[index], *text = of_segment(segment, rich ? RICH : TEXT);
        if (!PyUnicode_GET_LENGTH(text)) text = of_segment(segment, TEXT);
        const int apart = index && number_of(segment, X0) - number_of(row->segments[index - 1], X1)
            > TOUCHING_EM * number_of(segment, SIZE);
        if ((apart && PyList_Append(parts, space) < 0) || PyList_Append(parts, text) < 0) Py_CLEAR(parts);
    }
    PyObject *made = parts ? PyUnicode_Join(no_text, parts) : NULL;
    Py_XDECREF(parts);
    return made;
}

static PyObject *rich_of(const Row *row) {
    for (Py_ssize_t index = 0; index < row->count; index++)
        if (PyUnicode_GET_LENGTH(of_segment(row->segments[index], RICH))) return joined(row, 1);
    return Py_NewRef(no_text);
}

static PyObject *line_of(const Row *row) {
    PyObject *values[FIELDS];
    if (row->count == 1) {
        for (int field = 0; field < FIELDS; field++) values[field] = Py_NewRef(of_segment(row->segments[0], field));
        return made_of(&text_line_kind, values, FIELDS);
    }
    values[TEXT] = joined(row, 0);
    values[X0] = Py_NewRef(of_segment(row->segments[0], X0));
    values[Y0] = Py_NewRef(outermost(row, Y0, 0));
    values[X1] = Py_NewRef(outermost(row, X1, 1));
    values[Y1] = Py_NewRef(outermost(row, Y1, 1));
    values[SIZE] = Py_NewRef(of_segment(longest(row), SIZE));
    for (int field = BOLD; field <= ITALIC; field++) values[field] = whether_all(row, field);
    values[RICH] = rich_of(row);
    return made_of(&text_line_kind, values, FIELDS);
}

static int is_sequence(PyObject *object) { return PyList_Check(object) || PyTuple_Check(object); }

static PyObject *join(PyObject *module, PyObject *segments) {
    (void)module;
    if (!is_sequence(segments) || !PySequence_Fast_GET_SIZE(segments))
        return PyErr_Format(PyExc_TypeError, "a list of segments is needed");
    const Row row = {PySequence_Fast_ITEMS(segments), PySequence_Fast_GET_SIZE(segments)};
    const int usual = is_usual(&row);
    if (usual < 0) return NULL;
    return usual ? line_of(&row) : Py_NewRef(Py_None);
}

/* Shows a soft hyphen that nothing followed as the hyphen that the page prints. */
static PyObject *whole(PyObject *text) {
    if (!text || !PyUnicode_Check(text) || PyUnicode_MAX_CHAR_VALUE(text) < SOFT_HYPHEN) return Py_XNewRef(text);
    return PyUnicode_Replace(text, soft_hyphen, hyphen, -1);
}

/* Gives a line as the result carries it. */
static PyObject *carried_line(PyObject *line) {
    PyObject *sides[BOX_FIELDS], *values[LINE_FIELDS];
    if (!is_of(&text_line_kind, line)) return NULL;
    for (int side = 0; side < BOX_FIELDS; side++) sides[side] = Py_XNewRef(field_of(&text_line_kind, line, X0 + side));
    values[0] = whole(field_of(&text_line_kind, line, TEXT));
    values[1] = made_of(&box_kind, sides, BOX_FIELDS);
    return made_of(&line_kind, values, LINE_FIELDS);
}

static PyObject *carried(PyObject *module, PyObject *lines) {
    (void)module;
    if (!is_sequence(lines)) return PyErr_Format(PyExc_TypeError, "a list of lines is needed");
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(lines);
    PyObject *made = PyTuple_New(count);
    for (Py_ssize_t index = 0; made && index < count; index++) {
        PyObject *line = carried_line(PySequence_Fast_GET_ITEM(lines, index));
        if (line) PyTuple_SET_ITEM(made, index, line);
        else Py_CLEAR(made);
    }
    return made;
}

/* Reads the distances between the middles of lines that are larger than half of the lower one; 0 with an error. */
static int read_pitches(PyObject *const *lines, Py_ssize_t count, Item *pitches, Py_ssize_t *found) {
    double above = 0;
    for (Py_ssize_t index = 0; index < count; index++) {
        double y0, y1, size;
        if (!is_of(&text_line_kind, lines[index]) || !read_number(&text_line_kind, lines[index], Y0, &y0)
            || !read_number(&text_line_kind, lines[index], Y1, &y1)
            || !read_number(&text_line_kind, lines[index], SIZE, &size))
            return 0;
        const double middle = (y0 + y1) / 2, step = middle - above;
        if (index && step > size / 2) pitches[(*found)++] = (Item){step, 0};
        above = middle;
    }
    return 1;
}

/* Gives what `statistics.quantiles` gives first of four, of two values at least. */
static double lower_quartile(Item *values, Py_ssize_t count) {
    sort(values, values + count, count);
    const Py_ssize_t wanted = (count + 1) / 4, least = wanted > 1 ? wanted : 1;
    const Py_ssize_t place = least < count - 1 ? least : count - 1, beyond = count + 1 - 4 * place;
    return (values[place - 1].key * (double)(4 - beyond) + values[place].key * (double)beyond) / 4;
}

static double usual_of(Item *pitches, Py_ssize_t count, double size) {
    if (count < LEAST_PITCHES)
        return count && pitches[0].key < MOST_SINGLE_EM * size ? pitches[0].key : USUAL_PITCH_EM * size;
    const double quartile = lower_quartile(pitches, count);
    return MOST_PITCH_EM * size < quartile ? MOST_PITCH_EM * size : quartile;
}

static PyObject *usual_pitch(PyObject *module, PyObject *lines) {
    PyObject *made = NULL;
    Py_ssize_t found = 0;
    double size;
    (void)module;
    if (!is_sequence(lines) || !PySequence_Fast_GET_SIZE(lines))
        return PyErr_Format(PyExc_TypeError, "a list of lines is needed");
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(lines);
    Item *pitches = PyMem_New(Item, 2 * count);
    if (!pitches) return PyErr_NoMemory();
    if (read_pitches(PySequence_Fast_ITEMS(lines), count, pitches, &found)
        && read_number(&text_line_kind, PySequence_Fast_GET_ITEM(lines, 0), SIZE, &size))
        made = PyFloat_FromDouble(usual_of(pitches, found, size));
    PyMem_Free(pitches);
    return made;
}

static PyObject *learn(PyObject *module, PyObject *arguments) {
    static const char *const of_segments[FIELDS] = {
        "text", "x0", "y0", "x1", "y1", "size", "bold", "monospaced", "italic", "rich",
    };
    static const char *const of_lines[LINE_FIELDS] = {"text", "box"}, *const of_boxes[BOX_FIELDS] = {"x0", "y0", "x1", "y1"};
    PyObject *segment, *text_line, *line, *box;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "OOOO", &segment, &text_line, &line, &box)) return NULL;
    const int learnt = learn_kind(&segment_kind, segment, of_segments, FIELDS)
        && learn_kind(&text_line_kind, text_line, of_segments, FIELDS)
        && learn_kind(&line_kind, line, of_lines, LINE_FIELDS) && learn_kind(&box_kind, box, of_boxes, BOX_FIELDS);
    return learnt ? Py_NewRef(Py_None) : NULL;
}

static PyMethodDef functions[] = {
    {"learn", learn, METH_VARARGS, "Take in where segments, lines with a look, lines and boxes have their fields."},
    {"join", join, METH_O, "Make one line of segments; None if that is left to Python."},
    {"carried", carried, METH_O, "Give lines as the result carries them."},
    {"usual_pitch", usual_pitch, METH_O, "Give the distance of lines within a paragraph."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_lines", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__lines(void) {
    PyObject *module = PyModule_Create(&definition);
    if (!no_text) no_text = PyUnicode_FromString("");
    if (!space) space = PyUnicode_FromString(" ");
    if (!hyphen) hyphen = PyUnicode_FromString("-");
    if (!soft_hyphen) soft_hyphen = PyUnicode_FromOrdinal(SOFT_HYPHEN);
    const int ready = no_text && space && hyphen && soft_hyphen;
    if (module && (!ready || PyModule_AddIntConstant(module, "VERSION", VERSION) < 0)) Py_CLEAR(module);
    return module;
}
