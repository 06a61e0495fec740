"""Custom attributes of leads: which there are, and of which type."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class AttributeDefinition(models.Model):
    """A custom attribute and its type, declared by a mapping or by first use in a scoring model."""

    class Type(models.TextChoices):
        TEXT = "text", _("Text")
        NUMBER = "number", _("Number")
        BOOLEAN = "boolean", _("Yes or no")
        DATE = "date", _("Date")

    name = models.SlugField(max_length=60, unique=True)
    type = models.CharField(max_length=8, choices=Type)
    label = models.CharField(max_length=120, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.label or self.name
