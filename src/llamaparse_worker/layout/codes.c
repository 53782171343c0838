/* What is asked of all characters of a text at once: what codes.py asks of an array of their codes, with equal results. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define VERSION 1

enum { FIRST_HALF = 0xD800, BEHIND_HALVES = 0xE000, REPLACEMENT = '?' };

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

static PyMethodDef functions[] = {
    {"count_visible", count_visible, METH_O, "Count the characters of a text that are no white space."},
    {"signs_from", signs_from, METH_VARARGS, "Give, in order, the characters whose code is so large or larger."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_codes", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__codes(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "VERSION", VERSION) < 0) Py_CLEAR(module);
    return module;
}
