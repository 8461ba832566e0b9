// The one translation unit with doctest's main; every src/**/*_test.cc is linked to it.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
