# The simulator's part of the build; included by the Makefile. `make sim` builds it.
#
# Its foundations are also linked into the unit tests, where their own tests run.
SIM_SRCS := $(filter-out %_test.cc,$(shell find tests/sim tests/support -name '*.cc' 2>/dev/null))
SIM_FOUNDATIONS := $(wildcard $(addprefix tests/sim/,event_loop.cc log_script.cc sim_fs.cc sim_network.cc sim_task_runner.cc))
TEST_SRCS += $(SIM_FOUNDATIONS) $(shell find tests/sim -name '*_test.cc' 2>/dev/null)
