/*
 * Java's own tools read files that a server wrote: SnapshotFormatter those named snapshot.*,
 * TxnLogToolkit those named log.*. Arguments: files. Prints `file lines` for each; a file that a tool
 * complains about ends the process with 1.
 */
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.PrintStream;
import org.apache.zookeeper.server.SnapshotFormatter;
import org.apache.zookeeper.server.persistence.TxnLogToolkit;

public final class ReadFiles {
    private static final PrintStream OUT = System.out;

    public static void main(String[] args) throws Exception {
        for (String file : args) {
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            System.setOut(new PrintStream(text, true));
            try {
                if (new File(file).getName().startsWith("log.")) {
                    try (TxnLogToolkit tool = new TxnLogToolkit(false, false, file, true)) {
                        tool.dump(null);
                    }
                } else {
                    SnapshotFormatter.main(new String[] {"-d", file});
                }
            } finally {
                System.setOut(OUT);
            }
            String said = text.toString();
            if (said.contains("CRC ERROR") || said.contains("Exception")) {
                OUT.println(file + " " + said);
                Runtime.getRuntime().halt(1);
            }
            OUT.println(new File(file).getName() + " " + said.lines().count());
        }
        OUT.flush();
        Runtime.getRuntime().halt(0);
    }
}
