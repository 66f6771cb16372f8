"""A template with values for its parameters, as far as it can be known before it is deployed."""
import re


class Stack:
    def __init__(self, template, values, imports=None):
        self.parameters = template.get("Parameters", {})
        self.values = {name: parameter.get("Default") for name, parameter in self.parameters.items()} | values
        self.conditions, self.resources = template.get("Conditions", {}), template["Resources"]
        self.imports = imports or {}

    def resolved(self, value):
        """`value` as CloudFormation fills it in; what is known only when it is made stays as it is."""
        match value:
            case {"Ref": name}:
                return self.ref(name)
            case {"Fn::Sub": [text, own]}:
                return self.filled(text, {name: self.resolved(value) for name, value in own.items()})
            case {"Fn::Sub": text}:
                return self.filled(text, {})
            case {"Fn::If": [condition, yes, no]}:
                return self.resolved(yes if self.holds({"Condition": condition}) else no)
            case {"Fn::Split": [separator, text]}:
                return self.resolved(text).split(separator)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(map(str, self.resolved(parts)))
            case {"Fn::ImportValue": name}:
                return self.imports.get(name, value)
            case dict():
                return {name: self.resolved(part) for name, part in value.items()}
            case list():
                parts = (self.resolved(part) for part in value)
                return [part for part in parts if part != {"Ref": "AWS::NoValue"}]
        return value

    def ref(self, name):
        if name in self.values:
            return self.values[name]
        # Its number, which is new with any of its properties.
        if self.resources.get(name, {}).get("Type") == "AWS::AppConfig::HostedConfigurationVersion":
            return {name: self.resolved(self.resources[name]["Properties"])}
        return {"Ref": name}

    def filled(self, text, own):
        return re.sub(r"\$\{([^!}]+)}", lambda found: str(own.get(found[1]) or self.ref(found[1])), text)

    def holds(self, condition):
        match condition:
            case {"Condition": name}:
                return self.holds(self.conditions[name])
            case {"Fn::Equals": [left, right]}:
                return str(self.resolved(left)) == str(self.resolved(right))
            case {"Fn::Not": [one]}:
                return not self.holds(one)
            case {"Fn::And": all_of}:
                return all(map(self.holds, all_of))
            case {"Fn::Or": any_of}:
                return any(map(self.holds, any_of))
        raise ValueError(condition)

    def made(self):
        """Name, type and resolved properties of each resource that is made."""
        for name, resource in self.resources.items():
            if "Condition" not in resource or self.holds({"Condition": resource["Condition"]}):
                yield name, resource["Type"], self.resolved(resource.get("Properties", {}))

    def of(self, kind):
        """Name and resolved properties of each resource of a kind."""
        return {name: properties for name, own, properties in self.made() if own == kind}
