# Makes the towers that ship. Give it again after an interruption: what is whole is kept, and a training goes on.
#
#   make -f train/recipes/shipped.mk PHOTOGRAPHS=DIR REPRESENTATIVE=DIR EVALUATE=DIR
#
# PHOTOGRAPHS     people to train `small` on, one folder a person (no labels are used: any folders will do)
# PREPARED        in place of PHOTOGRAPHS: faces that were prepared with the template eyes-nose-mouth
# REPRESENTATIVE  photographs that set the ranges of the int8 numbers
# EVALUATE        photographs of people who are in neither, to set the thresholds with
# WORK            where everything goes (./shipped-towers); PYTHON the interpreter (python3)
# SPLIT           a split.json with people to keep out of the training

WORK ?= shipped-towers
PYTHON ?= python3
ADOPT = --representative $(REPRESENTATIVE) --evaluate $(EVALUATE) --samples 500 --fmr 0.001
FIT = --recipe small --data $(WORK)/faces-close $(if $(SPLIT),--split $(SPLIT)) \
    --set teacher.path=$(WORK)/dlib/tower.keras --set teacher.faces=$(WORK)/faces-chip

.PHONY: all accurate small
all: accurate small
accurate: $(WORK)/accurate.tflite
small: $(WORK)/small.tflite

$(WORK)/dlib/tower.keras:
	$(PYTHON) -m train import-dlib --centre 0.7 --out $(WORK)/dlib

$(WORK)/accurate.tflite: $(WORK)/dlib/tower.keras
	$(PYTHON) -m export adopt $< --align $(WORK)/dlib/alignment.json $(ADOPT) --licence CC0-1.0 --name accurate --out $@

ifdef PREPARED
$(WORK)/faces-chip/faces.json:
	$(PYTHON) -m train recut $(PREPARED) --out $(WORK)/faces-chip --align dlib-chip --size 150
else
$(WORK)/faces-chip/faces.json:
	$(PYTHON) -m train prepare $(PHOTOGRAPHS) --out $(WORK)/faces-chip --align dlib-chip --size 150
endif

$(WORK)/faces-close/faces.json: $(WORK)/faces-chip/faces.json
	$(PYTHON) -m train recut $(WORK)/faces-chip --out $(WORK)/faces-close --align dlib-close --size 128

$(WORK)/small-start/tower.keras: $(WORK)/dlib/tower.keras $(WORK)/faces-chip/faces.json
	mkdir -p $(@D)
	$(PYTHON) -m train narrow $< --data $(WORK)/faces-chip --out $@ \
	    --streams 32,64,128,192,192 --inner 24,40,56,72,64 --size 128 --align dlib-close

# Two sittings: the second begins where the first ended, with a high learning rate again.
$(WORK)/small-first/tower.keras: $(WORK)/small-start/tower.keras $(WORK)/faces-close/faces.json
	$(PYTHON) -m train fit $(FIT) --set tower.weights=$< --out $(@D)

$(WORK)/small-second/tower.keras: $(WORK)/small-first/tower.keras
	$(PYTHON) -m train fit $(FIT) --set tower.weights=$< --set seed=1 --set schedule.epochs=40 --out $(@D)

$(WORK)/small.tflite: $(WORK)/small-second/tower.keras
	$(PYTHON) -m export adopt $< --align dlib-close $(ADOPT) --licence "research only" --name small --out $@
