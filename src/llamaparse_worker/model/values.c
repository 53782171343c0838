/* Makes the values of a dataclass with slots: what calling its class, or `dataclasses.replace`, does in Python, with
 * equal results; and the box around others, and what it measures.
 *
 * `quicken` gives a class a function of its own to be called by, which writes the arguments straight into the slots. It
 * knows where these are, and what an argument that is left out stands for. Any call that it does not understand takes
 * the usual way through `__init__`, which is still there and knows which error to raise. See value.py.
 */
#include "slots.h"

#define VERSION 4

enum { X0, Y0, X1, Y1, SIDES };
enum { MOST_FIELDS = 40, PLACES = 1024, MOST_CLASSES = PLACES / 2 };

static const double MOST_EXACT = 1e15, SURELY_NEAR = 0.25;

typedef struct {
    PyTypeObject *class;
    Py_ssize_t fields;
    PyObject *names[MOST_FIELDS];
    PyObject *defaults[MOST_FIELDS]; /* 0 for a field that must be given */
    Py_ssize_t offsets[MOST_FIELDS];
    Py_ssize_t sides[SIDES]; /* which fields are x0, y0, x1 and y1; -1 for one that is not there */
} Maker;

/* By the address of their class; at most half of the places are taken, so that a search soon meets an empty one. */
static Maker *makers[PLACES];
static int classes = 0;

static Maker **place_of(const PyTypeObject *class) {
    size_t place = ((uintptr_t)class >> 4) % PLACES;
    while (makers[place] && makers[place]->class != class) place = (place + 1) % PLACES;
    return &makers[place];
}

static Py_ssize_t field_of(const Maker *maker, const PyObject *name) {
    for (Py_ssize_t field = 0; field < maker->fields; field++)
        if (maker->names[field] == name) return field;
    return -1;
}

/* Finds the value of each field, a borrowed reference; 0 if the arguments do not fit. */
static int gather(
    const Maker *maker, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords, PyObject **values
) {
    if (count > maker->fields) return 0;
    for (Py_ssize_t field = 0; field < maker->fields; field++) values[field] = field < count ? arguments[field] : NULL;
    const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
    for (Py_ssize_t index = 0; index < named; index++) {
        const Py_ssize_t field = field_of(maker, PyTuple_GET_ITEM(keywords, index));
        if (field < 0 || values[field]) return 0;
        values[field] = arguments[count + index];
    }
    for (Py_ssize_t field = count; field < maker->fields; field++) {
        if (!values[field]) values[field] = maker->defaults[field];
        if (!values[field]) return 0;
    }
    return 1;
}

/* Makes an object that holds these values. */
static PyObject *filled(const Maker *maker, PyObject *const *values) {
    PyObject *made = maker->class->tp_alloc(maker->class, 0);
    if (!made) return NULL;
    for (Py_ssize_t field = 0; field < maker->fields; field++)
        *(PyObject **)((char *)made + maker->offsets[field]) = Py_NewRef(values[field]);
    return made;
}

static PyObject *made_through_init(
    PyObject *class, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords
) {
    PyObject *made = NULL, *named = NULL, *positional = PyTuple_New(count);
    if (!positional) return NULL;
    for (Py_ssize_t index = 0; index < count; index++)
        PyTuple_SET_ITEM(positional, index, Py_NewRef(arguments[index]));
    if (keywords) {
        named = PyDict_New();
        if (!named) goto end;
        for (Py_ssize_t index = 0; index < PyTuple_GET_SIZE(keywords); index++)
            if (PyDict_SetItem(named, PyTuple_GET_ITEM(keywords, index), arguments[count + index]) < 0) goto end;
    }
    made = PyType_Type.tp_call(class, positional, named);
end:
    Py_XDECREF(named);
    Py_DECREF(positional);
    return made;
}

/* What a quickened class is called by. */
static PyObject *make(PyObject *class, PyObject *const *arguments, size_t counted, PyObject *keywords) {
    const Py_ssize_t count = PyVectorcall_NARGS(counted);
    const Maker *maker = *place_of((PyTypeObject *)class);
    PyObject *values[MOST_FIELDS];
    if (!maker || !gather(maker, arguments, count, keywords, values))
        return made_through_init(class, arguments, count, keywords);
    return filled(maker, values);
}

/* Gives a value like another but for some fields, which stand behind it by name. */
static PyObject *changed(PyObject *module, PyObject *const *arguments, Py_ssize_t count, PyObject *keywords) {
    const Maker *maker = count == 1 ? *place_of(Py_TYPE(arguments[0])) : NULL;
    PyObject *values[MOST_FIELDS];
    (void)module;
    if (!maker) return PyErr_Format(PyExc_TypeError, "a value of a quick class is needed");
    for (Py_ssize_t field = 0; field < maker->fields; field++) {
        values[field] = *(PyObject **)((char *)arguments[0] + maker->offsets[field]);
        if (!values[field]) return PyErr_Format(PyExc_AttributeError, "%U", maker->names[field]);
    }
    for (Py_ssize_t index = 0; keywords && index < PyTuple_GET_SIZE(keywords); index++) {
        PyObject *name = PyTuple_GET_ITEM(keywords, index);
        const Py_ssize_t field = field_of(maker, name);
        if (field < 0) return PyErr_Format(PyExc_TypeError, "%s has no field %R", maker->class->tp_name, name);
        values[field] = arguments[1 + index];
    }
    return filled(maker, values);
}

/* Gives a side of a value, a borrowed reference, and its number; 0 if it has none. */
static PyObject *side_of(const Maker *maker, PyObject *value, int side, double *number) {
    const Py_ssize_t field = maker ? maker->sides[side] : -1;
    PyObject *found = field < 0 ? NULL : *(PyObject **)((char *)value + maker->offsets[field]);
    if (!found || !PyFloat_CheckExact(found)) return NULL;
    *number = PyFloat_AS_DOUBLE(found);
    return found;
}

/* Finds the outermost sides of values, borrowed references; 0 if one has no sides that are numbers with a fraction. */
static int outermost(PyObject *const *values, Py_ssize_t count, PyObject **sides) {
    double numbers[SIDES] = {0};
    for (Py_ssize_t index = 0; index < count; index++) {
        const Maker *maker = *place_of(Py_TYPE(values[index]));
        for (int side = 0; side < SIDES; side++) {
            double number = 0;
            PyObject *found = side_of(maker, values[index], side, &number);
            if (!found) return 0;
            if (index && !(side < X1 ? number < numbers[side] : number > numbers[side])) continue;
            numbers[side] = number;
            sides[side] = found;
        }
    }
    return count > 0;
}

/* Makes the box around values, which are a list or tuple; None if that is left to Python. */
static PyObject *enclosing(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    PyObject *sides[SIDES];
    (void)module;
    if (count != 2 || !PyType_Check(arguments[0]) || !(PyList_Check(arguments[1]) || PyTuple_Check(arguments[1])))
        return PyErr_Format(PyExc_TypeError, "a class and a list of values are needed");
    const Maker *maker = *place_of((PyTypeObject *)arguments[0]);
    PyObject *const *values = PySequence_Fast_ITEMS(arguments[1]);
    if (!maker || maker->fields != SIDES || !outermost(values, PySequence_Fast_GET_SIZE(arguments[1]), sides))
        Py_RETURN_NONE;
    return filled(maker, sides);
}

/* Rounds to hundredths as Python does: the nearest number. Gives 0 for what is so near the middle between two of them that
 * this takes the digits to tell, for what is too large to have any, and for nothing, which may have a sign. */
static int hundredths(double value, double *rounded) {
    const double shift = 6755399441055744.0; /* 1.5 * 2^52: adding it leaves no binary places */
    const double scaled = value * 100;
    if (!(scaled < MOST_EXACT && scaled > -MOST_EXACT)) return 0;
    const double nearest = (scaled + shift) - shift, off = scaled - nearest;
    *rounded = nearest / 100;
    return nearest != 0 && off < SURELY_NEAR && off > -SURELY_NEAR;
}

/* Makes an object of left, top, width and height; None if that is left to Python. */
static PyObject *measured(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    PyObject *sides[SIDES], *made = NULL;
    double numbers[SIDES], width, height;
    (void)module;
    if (count != 2 || !PyType_Check(arguments[0])) return PyErr_Format(PyExc_TypeError, "a class and a box are needed");
    const Maker *maker = *place_of((PyTypeObject *)arguments[0]), *of_box = *place_of(Py_TYPE(arguments[1]));
    if (!maker || maker->fields != SIDES) Py_RETURN_NONE;
    for (int side = 0; side < SIDES; side++)
        if (!(sides[side] = side_of(of_box, arguments[1], side, &numbers[side]))) Py_RETURN_NONE;
    if (!hundredths(numbers[X1] - numbers[X0], &width) || !hundredths(numbers[Y1] - numbers[Y0], &height))
        Py_RETURN_NONE;
    sides[2] = PyFloat_FromDouble(width);
    sides[3] = PyFloat_FromDouble(height);
    if (sides[2] && sides[3]) made = filled(maker, sides);
    Py_XDECREF(sides[2]);
    Py_XDECREF(sides[3]);
    return made;
}

/* Whether nothing but its slots and `__init__` decides how an object of a class is made. */
static int is_plain(PyTypeObject *class) {
    return Py_IS_TYPE(class, &PyType_Type) && PyType_HasFeature(class, Py_TPFLAGS_HEAPTYPE)
        && class->tp_new == PyBaseObject_Type.tp_new;
}

static void find_sides(Maker *maker) {
    static const char *const names[SIDES] = {"x0", "y0", "x1", "y1"};
    for (int side = 0; side < SIDES; side++) {
        maker->sides[side] = -1;
        for (Py_ssize_t field = 0; field < maker->fields; field++)
            if (PyUnicode_CompareWithASCIIString(maker->names[field], names[side]) == 0) maker->sides[side] = field;
    }
}

static void forget(Maker *maker) {
    for (Py_ssize_t field = 0; field < maker->fields; field++) {
        Py_XDECREF(maker->names[field]);
        Py_XDECREF(maker->defaults[field]);
    }
    Py_XDECREF(maker->class);
    PyMem_Free(maker);
}

/* Describes how to make objects of a class; the defaults are those of its last fields. */
static Maker *described(PyTypeObject *class, PyObject *names, PyObject *defaults) {
    Maker *maker = PyMem_Calloc(1, sizeof(Maker));
    if (!maker) return (Maker *)PyErr_NoMemory();
    const Py_ssize_t fields = PyTuple_GET_SIZE(names), needed = fields - PyTuple_GET_SIZE(defaults);
    maker->class = (PyTypeObject *)Py_NewRef(class);
    for (Py_ssize_t field = 0; field < fields; field++) {
        PyObject *name = PyTuple_GET_ITEM(names, field);
        maker->names[field] = Py_NewRef(name);
        if (field >= needed) maker->defaults[field] = Py_NewRef(PyTuple_GET_ITEM(defaults, field - needed));
        maker->fields = field + 1;
        maker->offsets[field] = offset_of(class, name);
        if (maker->offsets[field] < 0) {
            forget(maker);
            return NULL;
        }
    }
    find_sides(maker);
    return maker;
}

static PyObject *quicken(PyObject *module, PyObject *arguments) {
    PyTypeObject *class;
    PyObject *names, *defaults;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "O!O!O!", &PyType_Type, &class, &PyTuple_Type, &names, &PyTuple_Type, &defaults))
        return NULL;
    if (!is_plain(class) || PyTuple_GET_SIZE(names) > MOST_FIELDS
        || PyTuple_GET_SIZE(defaults) > PyTuple_GET_SIZE(names))
        return PyErr_Format(PyExc_TypeError, "%s is made in a way of its own", class->tp_name);
    Maker **place = place_of(class);
    if (!*place && classes == MOST_CLASSES) Py_RETURN_NONE; /* it stays as slow as it is */
    Maker *maker = described(class, names, defaults);
    if (!maker) return NULL;
    if (*place) forget(*place);
    else classes++;
    *place = maker;
    class->tp_vectorcall = make;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"changed", (PyCFunction)(void (*)(void))changed, METH_FASTCALL | METH_KEYWORDS,
     "Give a value of a quick class with some fields changed."},
    {"enclosing", (PyCFunction)(void (*)(void))enclosing, METH_FASTCALL, "Give the box of this class around values."},
    {"measured", (PyCFunction)(void (*)(void))measured, METH_FASTCALL, "Give left, top, width and height of a box."},
    {"quicken", quicken, METH_VARARGS, "Have objects of a class with slots made without a step of Python."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_values", NULL, -1, functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__values(void) {
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddIntConstant(module, "VERSION", VERSION) < 0) Py_CLEAR(module);
    return module;
}
