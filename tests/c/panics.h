/* What the library of tests/panics has beyond libshotgrid. */
#ifndef PANICS_H
#define PANICS_H

#include <shotgrid.h>

/* Panics inside the frame that every exported function has. */
sg_status sg_test_panic(void);

#endif
