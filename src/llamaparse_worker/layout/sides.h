/* Where segments, and what else has four sides, keep them. For modules of Python: levels.c, columns.c. */
#ifndef SIDES_H
#define SIDES_H

#include "../model/slots.h"

enum { X0, Y0, X1, Y1, SIDES };

/* A class with slots for sides; one that has fewer has no use for the other places. */
typedef struct {
    PyTypeObject *class;
    Py_ssize_t offsets[SIDES];
} Layout;

static double larger(double one, double other) { return other > one ? other : one; }

/* Reads one side of an object of a known class; gives 0 with an error if it has none that is a number. */
static int read_side(const Layout *layout, PyObject *object, int side, double *found) {
    if (!layout->class || !PyObject_TypeCheck(object, layout->class)) {
        PyErr_Format(PyExc_TypeError, "%s has no sides", Py_TYPE(object)->tp_name);
        return 0;
    }
    PyObject *value = *(PyObject **)((char *)object + layout->offsets[side]);
    if (!value) {
        PyErr_SetString(PyExc_AttributeError, "a side is missing");
        return 0;
    }
    *found = PyFloat_CheckExact(value) ? PyFloat_AS_DOUBLE(value) : PyFloat_AsDouble(value);
    return !(*found == -1.0 && PyErr_Occurred());
}

/* Takes in where objects of a class have these of their sides. */
static int learn_layout(Layout *layout, PyObject *class, const int *sides, int count) {
    static const char *const names[SIDES] = {"x0", "y0", "x1", "y1"};
    if (!PyType_Check(class)) {
        PyErr_SetString(PyExc_TypeError, "a class is needed");
        return 0;
    }
    for (int index = 0; index < count; index++) {
        PyObject *name = PyUnicode_FromString(names[sides[index]]);
        const Py_ssize_t offset = name ? offset_of((PyTypeObject *)class, name) : -1;
        Py_XDECREF(name);
        if (offset < 0) return 0;
        layout->offsets[sides[index]] = offset;
    }
    Py_XSETREF(layout->class, (PyTypeObject *)Py_NewRef(class));
    return 1;
}

#endif
