import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.strimzi.api.kafka.model.topic.KafkaTopic;
import io.strimzi.api.kafka.model.user.KafkaUser;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Parses resources, lines of JSON in a file, with Strimzi's model; prints unknown fields and the number of resources. */
public final class Judge {
    private static final Map<String, Class<?>> KINDS =
        Map.of("KafkaTopic", KafkaTopic.class, "KafkaUser", KafkaUser.class);

    public static void main(String[] args) throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        List<String> lines = Files.readAllLines(Path.of(args[0]));
        for (String line : lines) {
            JsonNode said = mapper.readTree(line);
            Object understood = mapper.treeToValue(said, KINDS.get(said.get("kind").asText()));
            judge(said.at("/metadata/name").asText(), said, mapper.valueToTree(understood), understood);
        }
        System.out.println(lines.size() + " read");
    }

    private static void judge(String name, JsonNode said, JsonNode understood, Object whole) throws Exception {
        // The model parses an unknown word as null.
        require(holds(understood, said), name + ": it understands only " + understood);
        // The model stores an unknown field separately.
        aside(name, whole);
    }

    private static boolean holds(JsonNode all, JsonNode part) {
        if (all == null || part.isValueNode()) {
            return part.equals(all);
        }
        if (part.isArray()) {
            boolean each = all.size() == part.size();
            for (int at = 0; each && at < part.size(); at++) {
                each = holds(all.get(at), part.get(at));
            }
            return each;
        }
        return part.properties().stream().allMatch(field ->
            isDefault(field) || holds(all.get(field.getKey()), field.getValue()));
    }

    /** Fields that the model parses and does not write again. */
    private static boolean isDefault(Map.Entry<String, JsonNode> field) {
        return field.getKey().equals("patternType") && field.getValue().asText().equals("literal");
    }

    private static void aside(String where, Object part) throws Exception {
        if (part instanceof Iterable<?> list) {
            for (Object each : list) {
                aside(where, each);
            }
        }
        if (part == null || part instanceof Enum || !part.getClass().getName().startsWith("io.strimzi")) {
            return;
        }
        for (Method method : part.getClass().getMethods()) {
            if (method.getName().startsWith("get") && method.getParameterCount() == 0) {
                Object value = method.invoke(part);
                boolean isAside = method.getName().equals("getAdditionalProperties");
                require(!isAside || ((Map<?, ?>) value).isEmpty(), where + ": " + value + " is unknown");
                aside(where, value);
            }
        }
    }

    private static void require(boolean holds, String otherwise) {
        if (!holds) {
            System.err.println(otherwise);
            System.exit(1);
        }
    }
}
