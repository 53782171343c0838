/* Makes objects of classes with slots, and reads what theirs hold. For the modules of Python in layout. */
#ifndef KINDS_H
#define KINDS_H

#include "slots.h"

enum { KIND_FIELDS = 16 };

/* A class, and where its objects have some of their fields. */
typedef struct {
    PyTypeObject *class;
    Py_ssize_t offsets[KIND_FIELDS];
} Kind;

/* Takes in where objects of a class have the fields of these names; 0 with an error. */
static int learn_kind(Kind *kind, PyObject *class, const char *const *names, int count) {
    if (!PyType_Check(class)) {
        PyErr_SetString(PyExc_TypeError, "a class is needed");
        return 0;
    }
    for (int field = 0; field < count; field++) {
        PyObject *name = PyUnicode_FromString(names[field]);
        kind->offsets[field] = name ? offset_of((PyTypeObject *)class, name) : -1;
        Py_XDECREF(name);
        if (kind->offsets[field] < 0) return 0;
    }
    Py_XSETREF(kind->class, (PyTypeObject *)Py_NewRef(class));
    return 1;
}

/* Makes an object that holds these values, whose references it takes; 0 if one of them could not be made. */
static inline PyObject *made_of(const Kind *kind, PyObject **values, int count) {
    int all = 1;
    for (int field = 0; field < count; field++) all = all && values[field];
    PyObject *made = all ? kind->class->tp_alloc(kind->class, 0) : NULL;
    for (int field = 0; field < count; field++) {
        if (made) *(PyObject **)((char *)made + kind->offsets[field]) = values[field];
        else Py_XDECREF(values[field]);
    }
    return made;
}

static inline int is_of(const Kind *kind, PyObject *object) {
    if (kind->class && PyObject_TypeCheck(object, kind->class)) return 1;
    PyErr_Format(PyExc_TypeError, "%s is not what is needed", Py_TYPE(object)->tp_name);
    return 0;
}

/* Gives what an object, which must be of the kind, has in a field: a borrowed reference; 0 with an error. */
static inline PyObject *field_of(const Kind *kind, PyObject *object, int field) {
    PyObject *value = *(PyObject **)((char *)object + kind->offsets[field]);
    if (!value) PyErr_SetString(PyExc_AttributeError, "a field is missing");
    return value;
}

/* Reads a number that an object, which must be of the kind, has in a field; 0 with an error. */
static inline int read_number(const Kind *kind, PyObject *object, int field, double *number) {
    PyObject *value = field_of(kind, object, field);
    if (!value) return 0;
    *number = PyFloat_CheckExact(value) ? PyFloat_AS_DOUBLE(value) : PyFloat_AsDouble(value);
    return !(*number == -1.0 && PyErr_Occurred());
}

#endif
