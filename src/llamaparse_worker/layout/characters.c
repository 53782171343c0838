/* What is asked of all characters of a page at once, and mostly answered with no: for hidden.py and word_spaces.py, which
 * look closer where the answer is another one.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define VERSION 2

enum { FIRST_HALF = 0xD800, BEHIND_HALVES = 0xE000, WITH_SPACE = 2 };

typedef struct { float x0, y0, x1, y1; } Box;

/* Tells whether no character is as small as this, and none begins at the right edge or beyond. */
static PyObject *are_ordinary(PyObject *module, PyObject *arguments) {
    Py_buffer sizes, boxes;
    double tiny, width;
    int ordinary = 1;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*y*dd", &sizes, &boxes, &tiny, &width)) return NULL;
    const float *size = sizes.buf;
    const Box *box = boxes.buf;
    for (Py_ssize_t index = 0; index < sizes.len / (Py_ssize_t)sizeof(float); index++)
        ordinary &= size[index] > (float)tiny;
    for (Py_ssize_t index = 0; index < boxes.len / (Py_ssize_t)sizeof(Box); index++)
        ordinary &= box[index].x0 < (float)width;
    PyBuffer_Release(&sizes);
    PyBuffer_Release(&boxes);
    return PyBool_FromLong(ordinary);
}

/* The characters of a text with their boxes and sizes, and between which codes a letter lies. */
typedef struct {
    int kind;
    const void *codes;
    const Box *boxes;
    const float *sizes;
    Py_ssize_t count;
    unsigned least, behind;
} Letters;

/* Tells whether a character is a letter; halves of pairs, which Python takes for question marks, count too. */
static int is_letter(const Letters *letters, Py_ssize_t place) {
    const Py_UCS4 code = PyUnicode_READ(letters->kind, letters->codes, place);
    return (code >= letters->least && code < letters->behind) || (code >= FIRST_HALF && code < BEHIND_HALVES);
}

static int stand_apart(const Letters *letters, float least, float most) {
    for (Py_ssize_t place = 1; place < letters->count; place++) {
        const float gap = letters->boxes[place].x0 - letters->boxes[place - 1].x1, size = letters->sizes[place];
        if (gap > least * size && gap < most * size && is_letter(letters, place - 1) && is_letter(letters, place))
            return 1;
    }
    return 0;
}

/* Tells whether two letters that follow each other stand apart, by these shares of their size; arrays that are not as
 * long as the text are left to Python, as if some did. */
static PyObject *letters_stand_apart(PyObject *module, PyObject *arguments) {
    PyObject *text;
    Py_buffer boxes, sizes;
    Letters letters;
    double least, most;
    (void)module;
    if (!PyArg_ParseTuple(
            arguments, "Uy*y*ddII", &text, &boxes, &sizes, &least, &most, &letters.least, &letters.behind))
        return NULL;
    letters.kind = PyUnicode_KIND(text);
    letters.codes = PyUnicode_DATA(text);
    letters.boxes = boxes.buf;
    letters.sizes = sizes.buf;
    letters.count = PyUnicode_GET_LENGTH(text);
    const int are_whole = boxes.len == letters.count * (Py_ssize_t)sizeof(Box)
        && sizes.len == letters.count * (Py_ssize_t)sizeof(float);
    const int apart = !are_whole || stand_apart(&letters, (float)least, (float)most);
    PyBuffer_Release(&boxes);
    PyBuffer_Release(&sizes);
    return PyBool_FromLong(apart);
}

/* Tells whether so many gaps of these shares of the size stand behind one letter each, with a space between or without;
 * arrays that do not belong together are left to Python, as if they did. */
static PyObject *gaps_follow(PyObject *module, PyObject *arguments) {
    Py_buffer boxes, sizes;
    double least, most;
    int many, found = 0;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "y*y*ddi", &boxes, &sizes, &least, &most, &many)) return NULL;
    const Box *box = boxes.buf;
    const float *size = sizes.buf;
    const Py_ssize_t count = sizes.len / (Py_ssize_t)sizeof(float);
    const int are_whole = boxes.len == count * (Py_ssize_t)sizeof(Box);
    Py_ssize_t before = 0; /* the last such gap is this one, if there is any */
    for (Py_ssize_t place = 1; are_whole && place < count && found < many; place++) {
        const float gap = box[place].x0 - box[place - 1].x1;
        if (!(gap > (float)least * size[place]) || gap > (float)most * size[place]) continue;
        if (before && place - before <= WITH_SPACE) found++;
        before = place;
    }
    PyBuffer_Release(&boxes);
    PyBuffer_Release(&sizes);
    return PyBool_FromLong(!are_whole || found >= many);
}

static PyMethodDef functions[] = {
    {"are_ordinary", are_ordinary, METH_VARARGS, "Tell whether no character is tiny or beside the page."},
    {"letters_stand_apart", letters_stand_apart, METH_VARARGS, "Tell whether any two letters have a gap between them."},
    {"gaps_follow", gaps_follow, METH_VARARGS, "Tell whether many gaps stand behind one letter each."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "_characters", NULL, -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__characters(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "VERSION", VERSION) < 0) Py_CLEAR(module);
    return module;
}
