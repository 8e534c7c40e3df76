/* Unpacks the payload's files to a folder that is kept for the next start. */
#ifndef UNPACKING_H
#define UNPACKING_H

#include "payload.h"

/* The folder in which all files lie as the index describes them. Ends the program when no place can be used.
   self: this program's file, for messages. */
char *unpacked_folder(const payload *carried, const char *self);

#endif
