/* Where objects of a class keep what their slots hold. For modules of Python: values.c, and those over kinds.h. */
#ifndef SLOTS_H
#define SLOTS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

/* Gives how far into its objects a class has the slot of this name; -1 with an error if it has none. */
static Py_ssize_t offset_of(PyTypeObject *class, PyObject *name) {
    Py_ssize_t offset = -1;
    PyObject *found = PyObject_GetAttr((PyObject *)class, name);
    if (!found) return -1;
    if (Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        const PyMemberDef *slot = ((PyMemberDescrObject *)found)->d_member;
        if (slot->type == T_OBJECT_EX && !(slot->flags & READONLY)) offset = slot->offset;
    }
    Py_DECREF(found);
    if (offset < 0) PyErr_Format(PyExc_TypeError, "%s has no slot %R", class->tp_name, name);
    return offset;
}

#endif
