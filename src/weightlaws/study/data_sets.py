"""What a configuration says of the images that networks learn."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from weightlaws.errors import WeightLawsError
from weightlaws.storage.file_digest import file_digest
from weightlaws.study.messages import shown
from weightlaws.study.section import Name, Section
from weightlaws.training.dataset import DatasetInfo, dataset_info
from weightlaws.training.plugins import names

Bound = Annotated[float, Field(ge=-1e30, le=1e30)]
Range = Annotated[tuple[Bound, Bound], Field(strict=False)]
Label = Annotated[int, Field(ge=0, le=255)]
Labels = Annotated[list[Label], Field(min_length=2, max_length=256)]
Width = Annotated[int, Field(ge=1, le=65_536)]
Count = Annotated[int, Field(ge=1, le=100_000_000)]


class Teacher(Section):
    """A random perceptron of ReLU that says the classes of random inputs."""

    inputs: Width
    """Number of inputs, which are independent and standard normal."""
    hidden: Annotated[list[Width], Field(max_length=100)] = []
    """Widths of the teacher's hidden layers; none if not given."""
    classes: Annotated[int, Field(ge=2, le=256)] = 2
    """Number of the teacher's outputs, of which the largest is the class."""
    train: Count = 10_000
    """Number of inputs to train on."""
    test: Count = 2_000
    """Number of inputs to test with."""


class Facts(Section):
    """What the headers and labels of a file say, as the record of a study has it."""

    shape: Annotated[tuple[Count, Count, Count], Field(strict=False)]
    """Channels, height and width of an image."""
    classes: Annotated[int, Field(ge=2, le=256)]
    """Number of labels."""
    images: Annotated[tuple[Count, Count], Field(strict=False)]
    """Numbers of images to train on, and to test with."""


class DataSet(Section):
    """Images to learn: those of a name, of a file, or of a teacher; all classes or some."""

    name: Name
    """Name in results; of a built-in data set if there is neither a path nor a teacher."""
    path: Annotated[str, Field(min_length=1)] | None = None
    """File .npz or .h5 with the arrays train_images, train_labels, test_images and test_labels."""
    range: Range | None = None
    """Values of float images that become -1 and 1; images of bytes have none."""
    teacher: Teacher | None = None
    """The network that labels random inputs."""
    classes: Labels | None = None
    """Labels whose images are taken; in this order they become 0, 1, ..."""
    digest: str | None = None
    """Digest of the file; in the record of a study."""
    facts: Facts | None = None
    """What the file holds; in the record of a study."""

    @model_validator(mode="before")
    @classmethod
    def _of_name(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _source_is_known(self) -> Self:
        if self.path is None and self.teacher is None:
            if self.name not in names("datasets"):
                raise ValueError(
                    f"found {shown(self.name)}, expected "
                    f"{', '.join(map(repr, names('datasets')))}, or a mapping with a name of your "
                    "own and a path or a teacher"
                )
        elif self.path is not None and self.teacher is not None:
            raise ValueError("found a path and a teacher, expected one of them; leave one out")
        elif self.name in names("datasets"):
            raise ValueError(
                f"found the name {shown(self.name)}, which a built-in data set has, expected "
                "another; give it a name of your own"
            )
        if self.range is not None and (self.path is None or self.range[0] >= self.range[1]):
            raise ValueError(
                f"found range {shown(self.range)}, expected a smaller and a larger value, beside "
                "a path; correct it, or leave it out"
            )
        return self

    @model_validator(mode="after")
    def _file_is_there(self, info: ValidationInfo) -> Self:
        recorded = bool(info.context and info.context["recorded"])
        if self.path is None:
            if self.digest is not None or self.facts is not None:
                raise ValueError(
                    "found digest or facts without a path, expected none; leave them out"
                )
            return self
        if recorded and self.facts is not None and self.digest is not None:
            return self
        # Readers of files are slow to import.
        from weightlaws.training.own_data import describe

        try:
            found = describe(Path(self.path), self.range)
            digest = file_digest(Path(self.path))
        except (WeightLawsError, OSError) as error:
            raise ValueError(str(error)) from None
        facts = Facts(shape=found.shape, classes=found.classes, images=found.images)
        for key, there in {"digest": digest, "facts": facts}.items():
            stated = getattr(self, key)
            if stated is not None and stated != there:
                raise ValueError(
                    f"found another {key} of {self.path} than stated beside it, expected the same; "
                    f"leave {key} out to take the file as it is"
                )
            object.__setattr__(self, key, there)  # frozen from here on
        return self

    @model_validator(mode="after")
    def _classes_are_there(self) -> Self:
        if self.classes is None:
            return self
        whole = self.whole.classes
        if len({*self.classes}) < len(self.classes) or max(self.classes) >= whole:
            raise ValueError(
                f"found classes {shown(self.classes)}, expected labels from 0 to {whole - 1}, each "
                "at most once"
            )
        return self

    @model_serializer(mode="wrap")
    def _plain(self, handler: SerializerFunctionWrapHandler) -> Any:  # noqa: ANN401
        """Write a name alone as the name."""
        record = handler(self)
        only_name = self == DataSet.model_construct(name=self.name)
        return self.name if only_name else record

    @property
    def stored_name(self) -> str:
        """Name in results: ``digits``, ``digits-classes0.1.2``."""
        if self.classes is None:
            return self.name
        return f"{self.name}-classes{'.'.join(map(str, self.classes))}"

    @property
    def source(self) -> tuple[object, ...]:
        """Where images come from: two data sets of one name must have the same."""
        return self.digest, self.range, self.teacher

    @property
    def files(self) -> list[str]:
        """The user's files that images are read from."""
        return [] if self.path is None else [self.path]

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a stored value of an image: float32, or a byte."""
        return 1 if self.range is None and self.teacher is None else 4

    @cached_property  # all layers of all conditions ask for it
    def whole(self) -> DatasetInfo:
        """Facts about the images of all classes."""
        if self.facts is not None:
            return DatasetInfo(self.facts.shape, self.facts.classes, self.facts.images)
        if self.teacher is not None:
            teacher = self.teacher
            images = teacher.train, teacher.test
            return DatasetInfo((1, 1, teacher.inputs), teacher.classes, images)
        return dataset_info(self.name)

    @property
    def info(self) -> DatasetInfo:
        """Facts about the images that are learned."""
        return self.whole if self.classes is None else self.whole.part(len(self.classes))


def _inlined(schema: Any, sections: dict[str, Any]) -> Any:  # noqa: ANN401
    """Put sections in the place of references to them, as one schema stands inside another."""
    if isinstance(schema, list):
        return [_inlined(each, sections) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        schema = sections[schema["$ref"].rpartition("/")[2]]
    return {key: _inlined(each, sections) for key, each in schema.items() if key != "$defs"}


# A name, or more in a mapping.
_NAMES = {"type": "string", "enum": [*names("datasets")]}
_MAPPING = DataSet.model_json_schema()
for _found in ("digest", "facts"):  # of records alone
    del _MAPPING["properties"][_found]
#: How the configuration's schema describes a data set.
DATA_SET = WithJsonSchema({"anyOf": [_NAMES, _inlined(_MAPPING, _MAPPING["$defs"])]})
